#include "upstream/health_watch.h"

#include <gtest/gtest.h>

#include "upstream/testing/fake_upstream.h"

namespace ncps::upstream {
namespace {

using namespace std::chrono_literals;
using Time = Deadline::Clock::time_point;
using testing::Gate;

const Time kPast{};
const Time kFar = Deadline::Clock::now() + 24h;

struct HealthWatchTest : ::testing::Test {
  static std::shared_ptr<FakeUpstream> due(std::string name, std::deque<Time> times) {
    auto upstream = std::make_shared<FakeUpstream>(std::move(name));
    upstream->probes_are_due(std::move(times));
    return upstream;
  }

  Runtime runtime{2};
  std::shared_ptr<FakeUpstream> a = due("a", {kPast, kFar}), b = due("b", {kPast, kFar});
  UpstreamSet set{UpstreamList{a, b}};
  HealthWatch watch{runtime, set};

  ~HealthWatchTest() override { EXPECT_TRUE(watch.stop(Deadline::after(60s))); }
};

TEST_F(HealthWatchTest, ProbesEachThatIsDue) {
  watch.start();
  EXPECT_TRUE(a->wait_for_probes(1));
  EXPECT_TRUE(b->wait_for_probes(1));
  ASSERT_TRUE(watch.stop(Deadline::after(60s)));
  EXPECT_EQ(a->probes(), 1u) << "the next one was far away";
}

TEST_F(HealthWatchTest, ProbesAgainAsOftenAsItIsDue) {
  a->probes_are_due({kPast, kPast, Deadline::Clock::now() + 1ms, kPast, kFar});
  watch.start();
  EXPECT_TRUE(a->wait_for_probes(4));
}

TEST_F(HealthWatchTest, OneThatHangsHoldsUpNeitherTheStartNorTheOthers) {
  auto gate = std::make_shared<Gate>();
  a->probes_wait(gate);
  watch.start();
  EXPECT_TRUE(gate->wait_for(1));
  EXPECT_TRUE(b->wait_for_probes(1));
  b->probes_are_due({kPast, kFar});
  EXPECT_TRUE(b->wait_for_probes(2));
  EXPECT_EQ(a->probes(), 0u);
  gate->open();
  EXPECT_TRUE(a->wait_for_probes(1));
}

TEST_F(HealthWatchTest, AProbeThatHasComeNearerIsMadeThen) {
  watch.start();
  EXPECT_TRUE(a->wait_for_probes(1));
  a->probes_are_due({kPast, Time::max()});
  EXPECT_TRUE(a->wait_for_probes(2));
  a->probes_are_due({kPast, kFar});
  EXPECT_TRUE(a->wait_for_probes(3)) << "also if none was to come at all";
}

TEST_F(HealthWatchTest, AProbeThatFailsIsNotTheLast) {
  Error error(ErrorKind::upstream, "refused");
  a->probes_say({std::unexpected(error), std::unexpected(error), {}});
  a->probes_are_due({kPast, kPast, kPast, kFar});
  watch.start();
  EXPECT_TRUE(a->wait_for_probes(3));
}

TEST_F(HealthWatchTest, FollowsTheList) {
  watch.start();
  EXPECT_TRUE(a->wait_for_probes(1));
  EXPECT_TRUE(b->wait_for_probes(1));
  auto c = due("c", {kPast, kFar});
  set.replace({c, b});
  watch.follow();
  EXPECT_TRUE(c->wait_for_probes(1));
  a->probes_are_due({kPast, kFar});
  b->probes_are_due({kPast, kFar});
  EXPECT_TRUE(b->wait_for_probes(2)) << "what stays is watched on";
  ASSERT_TRUE(watch.stop(Deadline::after(60s)));
  EXPECT_EQ(a->probes(), 1u) << "what is gone is left alone";
}

TEST_F(HealthWatchTest, OneThatIsGoneInMidProbeEndsWithIt) {
  auto gate = std::make_shared<Gate>();
  a->probes_wait(gate);
  a->probes_are_due({kPast, kPast, kPast});
  watch.start();
  EXPECT_TRUE(gate->wait_for(1));
  set.replace({b});
  watch.follow();
  std::weak_ptr<FakeUpstream> gone = a;
  auto* last = a.get();
  a.reset();
  ASSERT_FALSE(gone.expired()) << "its probe keeps it";
  EXPECT_EQ(last->probes(), 0u);
  gate->open();
  ASSERT_TRUE(watch.stop(Deadline::after(60s)));
  EXPECT_TRUE(gone.expired());
}

TEST_F(HealthWatchTest, StopWaitsForAProbeUnderWayAndSaysSoIfItDoesNotEnd) {
  auto gate = std::make_shared<Gate>();
  a->probes_wait(gate);
  a->probes_are_due({kPast, kPast, kPast});
  watch.start();
  EXPECT_TRUE(gate->wait_for(1));
  EXPECT_FALSE(watch.stop(Deadline::after(0s)));
  gate->open();
  EXPECT_TRUE(watch.stop(Deadline::after(60s)));
  EXPECT_EQ(a->probes(), 1u) << "no other one has begun";
}

TEST_F(HealthWatchTest, NothingIsProbedBeforeTheStartOrAfterTheStop) {
  watch.follow();
  EXPECT_EQ(a->probes(), 0u);
  EXPECT_TRUE(watch.stop(Deadline::after(60s)));
  watch.follow();
  EXPECT_TRUE(watch.stop(Deadline::after(60s)));
  EXPECT_EQ(a->probes(), 0u);
}

TEST_F(HealthWatchTest, ManyReplacementsInARowEndWithTheLastOne) {
  watch.start();
  for (int i = 0; i < 200; ++i) {
    set.replace({due(std::to_string(i), {kPast, kPast, kFar}), b});
    watch.follow();
  }
  auto last = due("last", {kPast, kFar});
  set.replace({last});
  watch.follow();
  EXPECT_TRUE(last->wait_for_probes(1));
}

}  // namespace
}  // namespace ncps::upstream
