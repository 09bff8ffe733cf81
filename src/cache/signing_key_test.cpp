#include "cache/signing_key.h"

#include <sys/stat.h>

#include <fstream>
#include <set>

#include "cache/testing/cache_fixture.h"
#include "rt/task_group.h"

namespace ncps::cache {
namespace {

struct SigningKey : CacheFixture {
  // Today's.
  nix::SecretKey load(const std::string& hostname) {
    return run(load_signing_keys(store, hostname)).value().front();
  }

  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& key : run(load_signing_keys(store, "c")).value()) out.push_back(key.name());
    return out;
  }

  void write_key_over(std::string_view text) {
    std::filesystem::remove(root.path() / "config/cache.key");
    write_key(text);
  }

  void write_key(std::string_view text) {
    std::filesystem::create_directories(root.path() / "config");
    std::ofstream(root.path() / "config/cache.key") << text;
  }
};

TEST_F(SigningKey, IsMadeOnceAndThenTheSame) {
  auto first = load("cache.example");
  EXPECT_EQ(first.name(), "cache.example");
  auto again = load("renamed.example");
  EXPECT_EQ(again.str(), first.str());
  struct stat info{};
  ASSERT_EQ(::stat((root.path() / "config/cache.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0400u);
}

TEST_F(SigningKey, WhoeverOnlyLooksMakesNone) {
  EXPECT_TRUE(run(find_signing_keys(store)).value().empty());
  EXPECT_FALSE(std::filesystem::exists(root.path() / "config"));
  load("c");
  auto fresh = run(rotate_signing_key(store, "c")).value();
  auto found = run(find_signing_keys(store)).value();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].str(), fresh.str());
  EXPECT_EQ(found[1].name(), "c");
  write_key_over("nonsense");
  EXPECT_FALSE(run(find_signing_keys(store)).has_value());
}

TEST_F(SigningKey, IsTheSameForAllThatStartAtOnce) {
  std::vector<std::string> keys(20);
  TaskGroup group;
  auto load_one = [&](std::size_t i) -> boost::asio::awaitable<void> {
    auto loaded = co_await load_signing_keys(store, "host-" + std::to_string(i));
    keys[i] = loaded ? loaded->front().str() : loaded.error().what();
  };
  for (std::size_t i = 0; i < keys.size(); ++i)
    group.spawn(runtime.next_executor(), "loader", load_one(i));
  ASSERT_TRUE(group.join_blocking(Deadline::after(std::chrono::seconds(60))));
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 1u);
  EXPECT_EQ(keys[0], load("x").str());
}

TEST_F(SigningKey, ADamagedFileIsRefusedAndItsTextIsNotSaid) {
  auto secret = nix::SecretKey::generate("k").value().str();
  auto body = secret.substr(2);
  for (const auto& damaged : {"k:" + body.substr(0, 40), body, std::string("k:"),
                              "k:" + std::string(88, 'A'), std::string(), "k:" + body + "AAAA"}) {
    std::filesystem::remove(root.path() / "config/cache.key");
    write_key(damaged);
    auto loaded = run(load_signing_keys(store, "cache.example"));
    ASSERT_FALSE(loaded) << damaged;
    EXPECT_EQ(loaded.error().kind(), ErrorKind::invalid);
    EXPECT_EQ(loaded.error().what().find(body.substr(0, 12)), std::string::npos);
    EXPECT_EQ(loaded.error().what().find("AAAA"), std::string::npos);
    EXPECT_NE(loaded.error().what().find("config/cache.key"), std::string::npos);
    std::ifstream kept(root.path() / "config/cache.key");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), damaged);  // not replaced
  }
}

TEST_F(SigningKey, AStoreThatFailsIsAnErrorAndTheNextTryAgreesWithWhatIsKept) {
  std::string made;
  for (int n = 1;; ++n) {
    faults.fail_nth(n);
    auto key = run(load_signing_keys(store, "cache.example"));
    if (!faults.fired()) {
      made = key.value().front().str();
      break;
    }
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().kind(), ErrorKind::unavailable);
    ASSERT_LT(n, 10);
  }
  faults.heal();
  EXPECT_EQ(load("cache.example").str(), made);
}

TEST_F(SigningKey, ARotationAddsOneAndKeepsTheOneBefore) {
  auto first = load("c");
  auto second = run(rotate_signing_key(store, "c")).value();
  EXPECT_EQ(second.name(), "c-2");
  auto keys = run(load_signing_keys(store, "c")).value();
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].str(), second.str());
  EXPECT_EQ(keys[1].str(), first.str());
}

TEST_F(SigningKey, ASecondRotationWaitsForTheOldKeyToBeRetired) {
  auto first = load("c");
  ASSERT_TRUE(run(rotate_signing_key(store, "c")));
  auto refused = run(rotate_signing_key(store, "c"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::conflict);
  EXPECT_EQ(names(), (std::vector<std::string>{"c-2", "c"}));
  auto retired = run(retire_signing_key(store)).value();
  ASSERT_TRUE(retired);
  EXPECT_EQ(*retired, first.public_key());
  EXPECT_EQ(names(), (std::vector<std::string>{"c-2"}));
  EXPECT_EQ(run(retire_signing_key(store)).value(), std::nullopt);
  EXPECT_EQ(run(rotate_signing_key(store, "c")).value().name(), "c-3");
}

// Wherever it ends, some key that clients know signs, and the next try brings it to its end.
TEST_F(SigningKey, ARotationThatFailsAnywhereLosesNoKey) {
  auto first = load("c");
  for (int n = 1;; ++n) {
    faults.fail_nth(n);
    auto rotated = run(rotate_signing_key(store, "c"));
    bool fired = faults.fired();
    faults.heal();
    if (!fired) {
      ASSERT_TRUE(rotated);
      break;
    }
    ASSERT_FALSE(rotated);
    auto keys = run(load_signing_keys(store, "c")).value();
    EXPECT_EQ(keys.back().str(), first.str());
    ASSERT_LT(n, 10);
  }
  EXPECT_EQ(names(), (std::vector<std::string>{"c-2", "c"}));
}

TEST(NextKeyName, CountsOn) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"c", "c-2"},
      {"c-2", "c-3"},
      {"c-9", "c-10"},
      {"my-cache", "my-cache-2"},
      {"c-", "c--2"},
      {"c-1x", "c-1x-2"},
      {"c-99999999999999999999", "c-99999999999999999999-2"}};
  for (auto [name, next] : rows) EXPECT_EQ(next_key_name(name), next) << name;
}

}  // namespace
}  // namespace ncps::cache
