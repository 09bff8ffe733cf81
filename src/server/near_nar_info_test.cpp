#include "server/near_nar_info.h"

#include <gtest/gtest.h>

#include <thread>

namespace ncps::server {
namespace {

using Second = NearNarInfo::Second;
constexpr Second kNow{std::chrono::seconds(7)};

nix::StorePathHash hash(char c) {
  return nix::StorePathHash::parse(std::string(nix::StorePathHash::kLength, c)).value();
}

HotNarInfo info(std::string text) {
  return {.prepared = http::prepare(200, {}, std::move(text)), .etag = "\"e\""};
}

// As NarInfoRoutes does it.
std::string read(NarInfoMemory& memory, Second second = kNow) {
  auto version = memory.version();
  auto& near = NearNarInfo::of_this_thread(hash('1'));
  if (near.is(hash('1'), version, second)) return "near: " + near.info()->prepared->body;
  auto hot = memory.find(hash('1'));
  if (!hot) return "absent";
  near.keep(hash('1'), version, second, hot);
  return "found: " + hot->prepared->body;
}

TEST(NearNarInfo, IsGivenWithinASecondUntilTheMemoryHasAnother) {
  NarInfoMemory memory(1 << 20);
  EXPECT_EQ(read(memory), "absent");
  memory.put(hash('1'), info("one"), 0);
  EXPECT_EQ(read(memory), "found: one");
  memory.put(hash('2'), info("of another path"), 0);
  EXPECT_EQ(read(memory), "near: one");
  EXPECT_EQ(read(memory, kNow + std::chrono::seconds(1)), "found: one");
  memory.put(hash('1'), info("two"), 0);
  EXPECT_EQ(read(memory), "found: two");
  memory.forget(hash('1'));
  EXPECT_EQ(read(memory), "absent");
  memory.put(hash('1'), info("three"), memory.epoch());
  EXPECT_EQ(read(memory), "found: three");
  memory.forget_all();
  EXPECT_EQ(read(memory), "absent");
}

TEST(NearNarInfo, IsOfThatMemoryAlone) {
  NarInfoMemory one(1 << 20), two(1 << 20);
  one.put(hash('1'), info("one"), 0);
  two.put(hash('1'), info("two"), 0);
  EXPECT_EQ(read(one), "found: one");
  EXPECT_EQ(read(two), "found: two");
  EXPECT_EQ(read(one), "found: one");
}

TEST(NearNarInfo, IsOfThisThreadAlone) {
  NarInfoMemory memory(1 << 20);
  memory.put(hash('1'), info("one"), 0);
  EXPECT_EQ(read(memory), "found: one");
  std::string elsewhere;
  std::thread([&] { elsewhere = read(memory); }).join();
  EXPECT_EQ(elsewhere, "found: one");
}

TEST(NearNarInfo, ALargeOneIsLeftToTheMemory) {
  NarInfoMemory memory(16 * 2 * (1 << 20));
  memory.put(hash('1'), info(std::string(NearNarInfo::kLargest + 1, 'x')), 0);
  EXPECT_TRUE(read(memory).starts_with("found: "));
  EXPECT_TRUE(read(memory).starts_with("found: "));
}

}  // namespace
}  // namespace ncps::server
