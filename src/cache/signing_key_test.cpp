#include "cache/signing_key.h"

#include <sys/stat.h>

#include <fstream>
#include <set>

#include "cache/testing/cache_fixture.h"
#include "rt/task_group.h"

namespace ncps::cache {
namespace {

struct SigningKey : CacheFixture {
  void write_key(std::string_view text) {
    std::filesystem::create_directories(root.path() / "config");
    std::ofstream(root.path() / "config/cache.key") << text;
  }
};

TEST_F(SigningKey, IsMadeOnceAndThenTheSame) {
  auto first = run(load_signing_key(store, "cache.example")).value();
  EXPECT_EQ(first.name(), "cache.example");
  auto again = run(load_signing_key(store, "renamed.example")).value();
  EXPECT_EQ(again.str(), first.str());
  struct stat info{};
  ASSERT_EQ(::stat((root.path() / "config/cache.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0400u);
}

TEST_F(SigningKey, IsTheSameForAllThatStartAtOnce) {
  std::vector<std::string> keys(20);
  TaskGroup group;
  auto load = [&](std::size_t i) -> boost::asio::awaitable<void> {
    auto key = co_await load_signing_key(store, "host-" + std::to_string(i));
    keys[i] = key ? key->str() : key.error().what();
  };
  for (std::size_t i = 0; i < keys.size(); ++i)
    group.spawn(runtime.next_executor(), "loader", load(i));
  ASSERT_TRUE(group.join_blocking(Deadline::after(std::chrono::seconds(60))));
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 1u);
  EXPECT_EQ(keys[0], run(load_signing_key(store, "x")).value().str());
}

TEST_F(SigningKey, ADamagedFileIsRefusedAndItsTextIsNotSaid) {
  auto secret = nix::SecretKey::generate("k").value().str();
  auto body = secret.substr(2);
  for (const auto& damaged : {"k:" + body.substr(0, 40), body, std::string("k:"),
                              "k:" + std::string(88, 'A'), std::string(), "k:" + body + "AAAA"}) {
    std::filesystem::remove(root.path() / "config/cache.key");
    write_key(damaged);
    auto loaded = run(load_signing_key(store, "cache.example"));
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
    auto key = run(load_signing_key(store, "cache.example"));
    if (!faults.fired()) {
      made = key.value().str();
      break;
    }
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().kind(), ErrorKind::unavailable);
    ASSERT_LT(n, 10);
  }
  faults.heal();
  EXPECT_EQ(run(load_signing_key(store, "cache.example")).value().str(), made);
}

}  // namespace
}  // namespace ncps::cache
