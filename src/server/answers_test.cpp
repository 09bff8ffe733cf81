// The parts that answer without a cache behind them.
#include <gtest/gtest.h>

#include "server/error_response.h"
#include "server/fixed_routes.h"
#include "server/nar_info_memory.h"

namespace ncps::server {
namespace {

TEST(ErrorResponse, EveryKindHasItsStatus) {
  for (auto [kind, status] : {std::pair(ErrorKind::invalid, 400u),
                              {ErrorKind::not_found, 404u},
                              {ErrorKind::conflict, 409u},
                              {ErrorKind::corrupt, 502u},
                              {ErrorKind::unavailable, 503u},
                              {ErrorKind::timeout, 504u},
                              {ErrorKind::upstream, 502u},
                              {ErrorKind::internal, 500u}}) {
    EXPECT_EQ(http_status(kind), status) << to_string(kind);
    EXPECT_EQ(error_response(Error(kind, "x")).status, status) << to_string(kind);
  }
}

TEST(ErrorResponse, SaysWhatAnUpstreamDidAndHidesWhatIsOurs) {
  auto body_of = [](ErrorKind kind) {
    return std::get<std::string>(error_response(Error(kind, "secret/path")).body);
  };
  for (auto kind : {ErrorKind::upstream, ErrorKind::timeout, ErrorKind::corrupt,
                    ErrorKind::not_found, ErrorKind::invalid})
    EXPECT_EQ(body_of(kind), "secret/path\n") << to_string(kind);
  for (auto kind : {ErrorKind::unavailable, ErrorKind::internal})
    EXPECT_EQ(body_of(kind).find("secret"), std::string::npos) << to_string(kind);
}

nix::StorePathHash hash(unsigned number) {
  std::string text(nix::StorePathHash::kLength, '0');
  for (std::size_t i = 0; number > 0; ++i, number /= 10)
    text[i] = static_cast<char>('0' + number % 10);
  return nix::StorePathHash::parse(text).value();
}

HotNarInfo info(std::string text) {
  return {.prepared = http::prepare(200, {}, std::move(text)), .etag = "\"e\""};
}

TEST(NarInfoMemory, GivesBackWhatWasPutLast) {
  NarInfoMemory memory(1 << 20);
  EXPECT_FALSE(memory.find(hash(1)));
  memory.put(hash(1), info("one"), 0);
  memory.put(hash(2), info("two"), 0);
  EXPECT_EQ(memory.find(hash(1))->prepared->body, "one");
  memory.put(hash(1), info("other"), 0);
  EXPECT_EQ(memory.find(hash(1))->prepared->body, "other");
  EXPECT_EQ(memory.find(hash(1))->etag, "\"e\"");
  EXPECT_EQ(memory.find(hash(2))->prepared->body, "two");
  EXPECT_FALSE(memory.find(hash(3)));
}

TEST(NarInfoMemory, IsBounded) {
  constexpr unsigned kMany = 10'000;
  constexpr std::size_t kBytes = 1 << 20;
  NarInfoMemory memory(kBytes);
  for (unsigned i = 0; i < kMany; ++i) memory.put(hash(i), info(std::string(1000, 'x')), 0);
  std::size_t bytes = 0;
  for (unsigned i = 0; i < kMany; ++i)
    if (memory.find(hash(i))) bytes += 1000;
  EXPECT_GT(bytes, kBytes / 4);
  EXPECT_LT(bytes, kBytes);
}

TEST(NarInfoMemory, ForgetsAllAndTakesNothingThatWasMadeBefore) {
  NarInfoMemory memory(1 << 20);
  auto before = memory.epoch();
  memory.put(hash(1), info("one"), before);
  memory.forget_all();
  EXPECT_FALSE(memory.find(hash(1)));
  memory.put(hash(1), info("made with the old key"), before);
  EXPECT_FALSE(memory.find(hash(1)));
  memory.put(hash(1), info("new"), memory.epoch());
  EXPECT_TRUE(memory.find(hash(1)));
}

// Another instance may have removed it.
TEST(NarInfoMemory, GivesNothingThatWasLookedUpLongAgoWhereOthersChangeItToo) {
  using std::chrono::seconds;
  constexpr HotSecond kBegin{seconds(1000)};
  NarInfoMemory alone(16 * 2 * 4096), one_of_several(16 * 2 * 4096, seconds(60));
  for (auto* memory : {&alone, &one_of_several}) {
    auto made = info("one");
    made.as_of = kBegin;
    memory->put(hash('1'), made, 0);
    EXPECT_TRUE(memory->find(hash('1'), kBegin + seconds(59)));
  }
  EXPECT_TRUE(alone.find(hash('1'), kBegin + seconds(100'000)));
  EXPECT_FALSE(one_of_several.find(hash('1'), kBegin + seconds(60)))
      << "being used keeps it no longer";
  EXPECT_TRUE(one_of_several.find(hash('1'))) << "for when nobody can say what it is now";
  // What is looked up anew takes its place, also among those that were not asked for lately.
  for (int i = 1; i < 100; ++i) {
    auto again = info(std::string(1500, 'x'));
    again.as_of = kBegin + i * seconds(60);
    one_of_several.put(hash('1'), again, 0);
    one_of_several.put(hash(static_cast<unsigned>(i)), again, 0);
    EXPECT_TRUE(one_of_several.find(hash('1'), again.as_of)) << i;
    EXPECT_FALSE(one_of_several.find(hash('1'), again.as_of + seconds(60))) << i;
  }
}

TEST(NarInfoMemory, KeepsWhatIsAskedFor) {
  NarInfoMemory memory(1 << 20);
  memory.put(hash(0), info("hot"), 0);
  for (unsigned i = 1; i < 10'000; ++i) {
    memory.put(hash(i), info(std::string(1000, 'x')), 0);
    ASSERT_TRUE(memory.find(hash(0))) << i;
  }
}

TEST(NarInfoMemory, PuttingTheSameAgainPushesNothingOut) {
  // Whether or not they share a shard: there is room for both.
  for (unsigned other = 2; other < 40; ++other) {
    NarInfoMemory fresh(16 * 2 * 4096);
    fresh.put(hash(1), info("quiet"), 0);
    for (int again = 0; again < 20; ++again)
      fresh.put(hash(other), info(std::string(1000, 'x')), 0);
    EXPECT_TRUE(fresh.find(hash(1))) << other;
  }
}

TEST(NarInfoMemory, WhatIsLargerThanItsShareIsNotKept) {
  NarInfoMemory memory(16 * 2 * 4096);
  for (unsigned i = 0; i < 40; ++i) memory.put(hash(i), info("small"), 0);
  for (unsigned i = 100; i < 140; ++i) {
    memory.put(hash(i), info(std::string(100'000, 'x')), 0);
    EXPECT_FALSE(memory.find(hash(i)));
  }
  unsigned kept = 0;
  for (unsigned i = 0; i < 40; ++i) kept += memory.find(hash(i)) != nullptr;
  EXPECT_GT(kept, 20u);

  NarInfoMemory none(0);
  none.put(hash(1), info("x"), 0);
  EXPECT_FALSE(none.find(hash(1)));
}

}  // namespace
}  // namespace ncps::server
