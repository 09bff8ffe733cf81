// A full disk and nothing to evict: NARs go through from the upstream, verified and unkept, and so do parts of them.
#include <gtest/gtest.h>

#include "cache/testing/sample.h"
#include "rt/task_group.h"
#include "server/testing/router_fixture.h"

namespace ncps::server {
namespace {

using testing::package;
using testing::RouterTest;

struct RouterFullDisk : RouterTest {
  RouterFullDisk() {
    space = &full;
    rounds.spawn(runtime.next_executor(), "evicting nothing", evict_nothing());
    start();
  }
  ~RouterFullDisk() override {
    stop();
    full.stop();
    EXPECT_TRUE(rounds.join_blocking(Deadline::after(std::chrono::seconds(60))));
  }

  boost::asio::awaitable<void> evict_nothing() {
    for (;;) {
      auto wanted = co_await full.wanted(Deadline::never());
      if (!wanted || !*wanted) co_return;
      full.begin_round();
      full.end_round(false);
    }
  }
  // Announced, and not fetched ahead.
  cache::Sample offer(std::string_view name) {
    auto sample = cache::make_sample(name, 50'000);
    first->put_narinfo(sample.hash(), sample.text());
    first->put_nar(sample.info.url, sample.file);
    EXPECT_EQ(head("/" + std::string(sample.hash().str()) + ".narinfo").status, 200u);
    return sample;
  }
  std::size_t kept_nars() const {
    auto nars = root.path() / "store" / "nar";
    if (!std::filesystem::exists(nars)) return 0;
    auto is_file = [](const auto& entry) { return entry.is_regular_file(); };
    return static_cast<std::size_t>(
        std::ranges::count_if(std::filesystem::recursive_directory_iterator(nars), is_file));
  }

  cache::Space full{{}, []() -> Task<std::optional<storage::FreeSpace>> {
                      co_return storage::FreeSpace{.free = 10, .capacity = 10'000};
                    }};
  TaskGroup rounds;
};

TEST_F(RouterFullDisk, APartGoesThroughUnkept) {
  auto sample = offer("a");
  auto path = "/" + sample.info.url;
  const auto size = sample.file.size();
  const auto n = std::to_string(size);
  struct Row {
    std::string range;
    unsigned status;
    std::size_t begin, length;
  };
  const Row rows[] = {{"bytes=5-9", 206, 5, 5},
                      {"bytes=0-", 206, 0, size},
                      {"bytes=-7", 206, size - 7, 7},
                      {"bytes=" + std::to_string(size - 1) + "-", 206, size - 1, 1},
                      {"bytes=1-2,5-6", 200, 0, size}};
  unsigned asked = 0;
  for (const auto& [range, status, begin, length] : rows) {
    auto answer = get(path, "Range: " + range + "\r\n");
    ASSERT_EQ(answer.status, status) << range;
    EXPECT_TRUE(answer.complete && answer.body == sample.file.substr(begin, length)) << range;
    EXPECT_EQ(value_of(answer, "Content-Length"), std::to_string(length)) << range;
    EXPECT_NE(value_of(answer, "ETag"), "") << range;
    auto last = std::to_string(begin + length - 1);
    auto where = "bytes " + std::to_string(begin) + "-" + last + "/" + n;
    EXPECT_EQ(value_of(answer, "Content-Range"), status == 206 ? where : "") << range;
    EXPECT_EQ(first->calls().nars, ++asked) << "each client has a transfer of its own";
  }
  auto beyond = get(path, "Range: bytes=" + n + "-\r\n");
  EXPECT_EQ(beyond.status, 416u);
  EXPECT_EQ(value_of(beyond, "Content-Range"), "bytes */" + n);
  EXPECT_EQ(kept_nars(), 0u);
}

// Its own bytes are right, and nobody has looked at the rest before it is sent.
TEST_F(RouterFullDisk, APartOfAWrongNarDoesNotEndCleanly) {
  auto sample = offer("a");
  auto wrong = sample.file;
  wrong[wrong.size() / 2] ^= 1;
  first->put_nar(sample.info.url, wrong);
  auto answer = get("/" + sample.info.url, "Range: bytes=5-9\r\n");
  EXPECT_FALSE(answer.complete);
  EXPECT_LT(answer.body.size(), 5u);
}

// What we compress has no length before its end, so all of it is sent, as a client must expect.
TEST_F(RouterFullDisk, WhereNoLengthIsKnownTheWholeIsSent) {
  auto p = package('a', std::string(5'000, 'x'));
  serve(p);
  ASSERT_EQ(head(p.narinfo_path()).status, 200u);
  auto path = "/nar/" + nix::Hash(crypto::sha256(p.nar)).nix32() + ".nar.zst";
  auto whole = get(path);
  ASSERT_TRUE(whole.status == 200 && whole.complete);
  auto answer = get(path, "Range: bytes=5-9\r\n");
  EXPECT_EQ(answer.status, 200u);
  EXPECT_TRUE(answer.complete && answer.body == whole.body);
  EXPECT_EQ(value_of(answer, "Content-Range"), "");
  EXPECT_EQ(kept_nars(), 0u);
}

}  // namespace
}  // namespace ncps::server
