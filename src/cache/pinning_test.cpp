#include "cache/pinning.h"

#include "cache/testing/eviction_fixture.h"
#include "cache/testing/plain_sample.h"

namespace ncps::cache {
namespace {

struct PinningTest : EvictionFixture {
  Sample sample = make_sample("pinned");
  db::Pin by_path{.hash = sample.hash(), .store_path = sample.info.store_path.str()};
  db::Pin by_hash{.hash = sample.hash(), .store_path = ""};

  Result<Pinned> add(db::Pin pin) {
    return run(add_pin(*database.pins, catalog, store, std::move(pin)));
  }
  Result<bool> remove() { return run(remove_pin(*database.pins, store, sample.hash())); }
  std::optional<std::string> file() {
    return run(real_store->find_text(pin_key(sample.hash()))).value();
  }
  bool row() { return !run(database.pins->list()).value().empty(); }
};

TEST_F(PinningTest, APinIsAFileAndARow) {
  EXPECT_TRUE(add(by_path).value().fresh);
  EXPECT_EQ(file(), by_path.store_path + "\n");
  EXPECT_TRUE(row());
  EXPECT_TRUE(remove().value());
  EXPECT_FALSE(file());
  EXPECT_FALSE(row());
  EXPECT_FALSE(remove().value());
}

TEST_F(PinningTest, AStorePathThatBecomesKnownStaysKnown) {
  EXPECT_TRUE(add(by_hash).value().fresh);
  EXPECT_EQ(file(), std::string(sample.hash().str()) + "\n");
  EXPECT_FALSE(add(by_path).value().fresh);
  EXPECT_FALSE(add(by_hash).value().fresh);
  EXPECT_EQ(file(), by_path.store_path + "\n");
}

TEST_F(PinningTest, WhatAFileSaysOfAnotherPathIsNotBelieved) {
  EXPECT_EQ(read_pin(sample.hash(), print_pin(by_path)).store_path, by_path.store_path);
  auto other = make_sample("other").info.store_path.str();
  for (const auto& text : {other + "\n", print_pin(by_hash), std::string(), std::string("\n"),
                           by_path.store_path.substr(0, 20), std::string(3, '\0')}) {
    auto pin = read_pin(sample.hash(), text);
    EXPECT_EQ(pin.hash, sample.hash());
    EXPECT_EQ(pin.store_path, "") << text;
  }
}

// Of a pin that was set before there were files, or of which an end was interrupted.
TEST_F(PinningTest, WhatIsHalfThereIsCompletedAndRemoved) {
  ASSERT_TRUE(run(database.pins->add(by_path)));
  EXPECT_FALSE(add(by_path).value().fresh);
  EXPECT_TRUE(file());
  ASSERT_TRUE(run(database.pins->remove(sample.hash())));
  EXPECT_TRUE(remove().value());
  EXPECT_FALSE(file());
  ASSERT_TRUE(run(database.pins->add(by_path)));
  EXPECT_TRUE(remove().value());
  EXPECT_FALSE(row());
}

TEST_F(PinningTest, WhereverItFailsNoFileIsWithoutItsPromiseAndItCanBeDoneAgain) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    ASSERT_LT(n, 20);
    faults.fail_nth(n);
    auto pinned = add(by_path);
    bool fired = faults.fired();
    faults.heal();
    if (pinned) EXPECT_TRUE(file() && row());
    if (row()) EXPECT_TRUE(file()) << "the file comes first";
    EXPECT_TRUE(add(by_path));
    EXPECT_TRUE(file() && row());
    faults.fail_nth(n);
    auto removed = remove();
    fired = fired || faults.fired();
    faults.heal();
    if (!removed) EXPECT_TRUE(row()) << "pinned still";
    EXPECT_TRUE(removed || remove().value());
    EXPECT_FALSE(file() || row());
    if (!fired) break;
  }
}

}  // namespace
}  // namespace ncps::cache
