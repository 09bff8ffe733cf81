#include "cache/fsck_pins.h"

#include "cache/pinning.h"
#include "cache/testing/care_fixture.h"
#include "cache/testing/plain_sample.h"
#include "db/soci/open_catalog.h"

namespace ncps::cache {
namespace {

struct FsckPinsTest : CareFixture {
  Sample a = make_sample("a"), b = make_sample("b"), c = make_sample("c");
  db::Database database = db::open_database(url, {}).value();

  // "found/mended", of pins without file, then of those without row.
  Result<std::string> fsck_pins(Changes changes) {
    NarInfoJudge judge(cpu, live_trust);
    auto import = db::open_import(url, db::DryRun::no).value();
    FsckDeps deps{.runtime = runtime,
                  .store = store,
                  .inventory = *inventory,
                  .judge = judge,
                  .cpu = cpu,
                  .import = import.get(),
                  .catalog = real_catalog.get(),
                  .pins = database.pins.get()};
    FsckOptions options{.changes = changes, .settling = std::chrono::milliseconds(0)};
    TRY(auto done, run(fsck(deps, options, [](const FsckSummary&) {})));
    auto told = [&](Flaw flaw) {
      return std::to_string(done[flaw].found) + "/" + std::to_string(done[flaw].mended);
    };
    auto text = told(Flaw::pin_without_file) + " " + told(Flaw::pin_without_row);
    if (done.unchecked > 0) text += " unchecked";
    return text;
  }
  std::string look() { return fsck_pins(Changes::none).value(); }
  std::string mend() { return fsck_pins(Changes::all).value(); }

  void pin(const Sample& sample) {
    db::Pin pin{.hash = sample.hash(), .store_path = sample.info.store_path.str()};
    ASSERT_TRUE(run(add_pin(*database.pins, *real_catalog, store, std::move(pin))));
  }
  std::string pins() {
    std::string text;
    for (const auto& pin : run(database.pins->list()).value()) text += pin.store_path + "\n";
    return text;
  }
};

TEST_F(FsckPinsTest, WhatIsWellIsLeftAlone) {
  EXPECT_EQ(look(), "0/0 0/0");
  for (const auto* sample : {&a, &b, &c}) pin(*sample);
  EXPECT_EQ(look(), "0/0 0/0");
  EXPECT_EQ(mend(), "0/0 0/0");
}

TEST_F(FsckPinsTest, AllPinsComeBackFromTheStore) {
  for (const auto* sample : {&a, &b, &c}) pin(*sample);
  for (const auto* sample : {&a, &b, &c}) ASSERT_TRUE(run(database.pins->remove(sample->hash())));
  EXPECT_EQ(look(), "0/0 3/0");
  EXPECT_EQ(pins(), "");
  EXPECT_EQ(mend(), "0/0 3/3");
  auto all = pins();
  for (const auto* sample : {&a, &b, &c})
    EXPECT_NE(all.find(sample->info.store_path.str()), std::string::npos) << all;
  EXPECT_EQ(mend(), "0/0 0/0");
}

TEST_F(FsckPinsTest, APinOfBeforeThereWereFilesGetsItsFile) {
  ASSERT_TRUE(run(database.pins->add({a.hash(), a.info.store_path.str()})));
  ASSERT_TRUE(run(database.pins->add({b.hash(), ""})));
  EXPECT_EQ(look(), "2/0 0/0");
  EXPECT_EQ(mend(), "2/2 0/0");
  EXPECT_EQ(read(pin_key(a.hash())), a.info.store_path.str() + "\n");
  EXPECT_EQ(read(pin_key(b.hash())), std::string(b.hash().str()) + "\n");
  EXPECT_EQ(mend(), "0/0 0/0");
}

TEST_F(FsckPinsTest, ADamagedFileIsAPinAllTheSameAndAStrangeOneIsLeft) {
  write(pin_key(a.hash()), "");
  write(storage::BlobKey::parse("store/pin/n/no/nonsense").value(), "x");
  EXPECT_EQ(mend(), "0/0 1/1");
  EXPECT_EQ(run(database.pins->list()).value().at(0).hash, a.hash());
  EXPECT_TRUE(lies(storage::BlobKey::parse("store/pin/n/no/nonsense").value()));
}

TEST_F(FsckPinsTest, WhateverCannotBeReadNoPinIsLost) {
  pin(a);
  pin(b);
  ASSERT_TRUE(run(database.pins->remove(a.hash())));
  ASSERT_TRUE(run(store.remove(pin_key(b.hash()))));
  int failed = 0;
  for (int n = 1; n < 30; ++n) {
    faults.fail_nth(n);
    auto got = fsck_pins(Changes::all);
    bool fired = faults.fired();
    faults.heal();
    if (fired) ++failed;
    auto either = [&](const Sample& one) {
      return lies(pin_key(one.hash())) || run(inventory->find_pin(one.hash())).value().has_value();
    };
    EXPECT_TRUE(either(a) && either(b)) << n;
    if (!fired) break;
  }
  EXPECT_GT(failed, 2);
  EXPECT_EQ(mend(), "0/0 0/0");
}

}  // namespace
}  // namespace ncps::cache
