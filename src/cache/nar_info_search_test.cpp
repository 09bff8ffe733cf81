// Whom a search asks while others are slow, down or wrong.
#include "cache/testing/nar_info_fixture.h"

namespace ncps::cache {
namespace {

using upstream::Standing;

struct NarInfoSearchTest : NarInfoFixture {
  Sample sample = signed_sample("hello-1.0");
  std::shared_ptr<testing::Gate> gate = std::make_shared<testing::Gate>();

  std::string from() { return run(real_catalog->find_narinfo(sample.hash())).value()->upstream; }
};

TEST_F(NarInfoSearchTest, ASilentUpstreamIsJoinedByTheNext) {
  auto& silent = add_upstream("silent");
  auto& quick = add_upstream("quick");
  silent.usually_takes(std::chrono::milliseconds(50));
  silent.narinfos_wait(gate);
  offer(silent, sample);
  offer(quick, sample);
  EXPECT_TRUE(find(sample).value());
  EXPECT_EQ(from(), "quick");
  EXPECT_EQ(gate->come(), 1);
  gate->open();
}

TEST_F(NarInfoSearchTest, ALateAnswerDoesNoHarm) {
  auto& silent = add_upstream("silent");
  auto& quick = add_upstream("quick");
  silent.usually_takes(std::chrono::milliseconds(50));
  silent.narinfos_wait(gate);
  silent.narinfo(sample.hash(), std::optional<std::string>("nonsense"));
  offer(quick, sample);
  EXPECT_TRUE(find(sample).value());
  gate->open();
  EXPECT_TRUE(service->stop(Deadline::after(std::chrono::minutes(1))));
}

TEST_F(NarInfoSearchTest, MissingAtTheHedgeIsNotMissing) {
  auto& slow = add_upstream("slow");
  auto& quick = add_upstream("quick");
  slow.usually_takes(std::chrono::milliseconds(50));
  slow.narinfos_wait(gate);
  offer(slow, sample);
  auto client = std::async(std::launch::async, [&] { return find(sample); });
  while (quick.asked() == 0) std::this_thread::yield();
  gate->open();
  EXPECT_TRUE(client.get().value());
  EXPECT_EQ(from(), "slow");
}

TEST_F(NarInfoSearchTest, TheDoubtfulAreAskedOnlyWhereTheGoodCannotHelp) {
  auto& dead = add_upstream("dead", 10);
  auto& alive = add_upstream("alive", 50);
  dead.stands(Standing::doubtful);
  dead.narinfo(sample.hash(), std::unexpected(down()));
  offer(alive, sample);
  EXPECT_TRUE(find(sample).value());
  EXPECT_EQ(dead.asked(), 0u);

  auto only_there = signed_sample("only-there");
  offer(dead, only_there);
  EXPECT_TRUE(find(only_there).value());
  EXPECT_EQ(alive.asked(), 2u);
}

TEST_F(NarInfoSearchTest, WhatTheGoodDoNotHaveIsUnknownWhileAnotherIsDown) {
  auto& dead = add_upstream("dead");
  add_upstream("alive");
  dead.stands(Standing::doubtful);
  dead.narinfo(sample.hash(), std::unexpected(down()));
  EXPECT_EQ(find(sample).error().kind(), ErrorKind::upstream);
  EXPECT_EQ(dead.asked(), 1u);
  dead.stands(Standing::trying);  // somebody finds out already: nobody waits for it
  EXPECT_EQ(find(sample).error().kind(), ErrorKind::upstream);
  EXPECT_EQ(dead.asked(), 1u);
}

TEST_F(NarInfoSearchTest, WhereNobodyIsInGoodStandingAllAreAsked) {
  auto& a = add_upstream("a");
  auto& b = add_upstream("b");
  a.stands(Standing::trying);
  b.stands(Standing::doubtful);
  a.narinfo(sample.hash(), std::unexpected(down()));
  offer(b, sample);
  EXPECT_TRUE(find(sample).value());
}

TEST_F(NarInfoSearchTest, WhoseStoreIsAnotherIsNotThere) {
  auto& other = add_upstream("other");
  other.stands(Standing::refused);
  offer(other, sample);
  EXPECT_FALSE(find(sample).value());
  EXPECT_EQ(other.asked(), 0u);
}

// A better upstream is still being waited for.
TEST_F(NarInfoSearchTest, AnAnswerThatIsThereAtTheDeadlineIsTaken) {
  auto& best = add_upstream("best", 10);
  auto& second = add_upstream("second", 50);
  best.usually_takes(std::chrono::milliseconds(0));
  best.narinfos_wait(gate);
  offer(second, sample);
  NarInfoJudge judge(cpu, live_trust);
  NarInfoSearch search(runtime, judge, {.grace = std::chrono::hours(1)});
  auto deadline = Deadline::after(std::chrono::seconds(5));
  auto result = run(search.run(sample.hash(), upstream::in_order(*upstreams.now()), deadline));
  EXPECT_TRUE(deadline.passed());
  gate->open();
  EXPECT_TRUE(search.stop(Deadline::never()));
  ASSERT_TRUE(result) << result.error().what();
  EXPECT_EQ(result->finding.value().from->name(), "second");
}

TEST_F(NarInfoSearchTest, SlowButSteadyUpstreamsCostFewExtraRequests) {
  auto& slow = add_upstream("slow");
  auto& next = add_upstream("next");
  slow.usually_takes(std::chrono::milliseconds(0));  // every answer is later than usual
  constexpr int kRequests = 200;
  for (int i = 0; i < kRequests; ++i) {
    auto one = signed_sample("path-" + std::to_string(i), 100);
    offer(slow, one);
    EXPECT_TRUE(find(one).value());
  }
  EXPECT_EQ(slow.asked(), static_cast<std::size_t>(kRequests));
  EXPECT_LT(next.asked(), static_cast<std::size_t>(kRequests / 10));
}

}  // namespace
}  // namespace ncps::cache
