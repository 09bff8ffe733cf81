// Whom a narinfo race asks next, and whose answer it takes.
#include "cache/race.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ncps::cache {
namespace {

using namespace std::chrono_literals;
using State = Runner::State;
using Kind = Move::Kind;

const RaceClock::time_point kStart{1h};
const RacePolicy kPolicy{.grace = 50ms, .patience = 3s};

// Each upstream usually answers within 200 ms.
Runner at(State state, RaceClock::duration asked = 0ms, RaceClock::duration answered = 0ms) {
  return {.state = state,
          .usual_delay = 200ms,
          .asked_at = kStart + asked,
          .answered_at = kStart + answered};
}
Runner doubtful(State state, RaceClock::duration asked = 0ms) {
  auto runner = at(state, asked);
  runner.last_resort = true;
  return runner;
}

std::string move(const std::vector<Runner>& runners, RaceClock::duration now,
                 bool may_hedge = true) {
  auto m = next_move(kPolicy, runners, may_hedge, kStart + now);
  switch (m.kind) {
    case Kind::ask: return "ask " + std::to_string(m.who) + (m.extra ? " beside" : "");
    case Kind::take: return "take " + std::to_string(m.who);
    case Kind::end: return "end";
    case Kind::wait:
      if (m.until == RaceClock::time_point::max()) return "wait";
      return "wait " + std::to_string((m.until - kStart) / 1ms);
  }
  return "?";
}

TEST(Race, WithoutUpstreamsEndsAtOnce) {
  EXPECT_EQ(move({}, 0ms), "end");
}

TEST(Race, AsksTheBestAloneFirst) {
  EXPECT_EQ(move({at(State::waiting), at(State::waiting)}, 0ms), "ask 0");
  EXPECT_EQ(move({at(State::asked), at(State::waiting)}, 0ms), "wait 200");
  EXPECT_EQ(move({at(State::asked), at(State::waiting)}, 199ms), "wait 200");
}

TEST(Race, WhoTakesLongerThanUsualIsJoinedByTheNext) {
  EXPECT_EQ(move({at(State::asked), at(State::waiting)}, 200ms), "ask 1 beside");
  EXPECT_EQ(move({at(State::asked), at(State::asked, 200ms), at(State::waiting)}, 300ms),
            "wait 400");
  EXPECT_EQ(move({at(State::asked), at(State::asked, 200ms), at(State::waiting)}, 400ms),
            "ask 2 beside");
  EXPECT_EQ(move({at(State::asked), at(State::asked, 200ms)}, 10s), "wait");
}

TEST(Race, WhereHedgesAreUsedUpPatienceDecides) {
  EXPECT_EQ(move({at(State::asked), at(State::waiting)}, 200ms, false), "wait 3000");
  EXPECT_EQ(move({at(State::asked), at(State::waiting)}, 3s, false), "ask 1 beside");
}

TEST(Race, AfterAFailureOrAMissTheNextIsAskedAtOnce) {
  for (auto state : {State::failed, State::missing}) {
    EXPECT_EQ(move({at(state), at(State::waiting)}, 1ms, false), "ask 1");
    EXPECT_EQ(move({at(state), at(state)}, 1ms), "end");
    // Its hedge is already on its way: that is the next.
    EXPECT_EQ(move({at(state), at(State::asked, 200ms), at(State::waiting)}, 210ms), "wait 400");
    EXPECT_EQ(move({at(State::asked), at(state), at(State::waiting)}, 10ms), "wait 200");
  }
}

TEST(Race, TheBestAnswerWinsAtOnce) {
  EXPECT_EQ(move({at(State::found), at(State::waiting)}, 10ms), "take 0");
  EXPECT_EQ(move({at(State::found), at(State::asked)}, 10ms), "take 0");
  EXPECT_EQ(move({at(State::missing), at(State::found)}, 10ms), "take 1");
  EXPECT_EQ(move({at(State::found), at(State::found)}, 10ms), "take 0");
}

TEST(Race, ABetterOneHasAShortGraceOnceSomebodyHasFoundIt) {
  std::vector<Runner> runners{at(State::asked), at(State::found, 200ms, 230ms)};
  EXPECT_EQ(move(runners, 231ms), "wait 280");
  EXPECT_EQ(move(runners, 280ms), "take 1");
  runners[0].state = State::failed;
  EXPECT_EQ(move(runners, 231ms), "take 1");
  runners[0] = at(State::found, 0ms, 240ms);
  EXPECT_EQ(move(runners, 241ms), "take 0");
}

TEST(Race, TheDoubtfulAreAskedLastAndTogether) {
  EXPECT_EQ(move({at(State::missing), doubtful(State::waiting)}, 1ms), "ask 1");
  // Not as a hedge, but when patience ends.
  EXPECT_EQ(move({at(State::asked), doubtful(State::waiting)}, 200ms), "wait 3000");
  EXPECT_EQ(move({at(State::asked), doubtful(State::waiting)}, 3s), "ask 1 beside");
  EXPECT_EQ(move({doubtful(State::asked), doubtful(State::waiting)}, 0ms), "ask 1");
  EXPECT_EQ(move({doubtful(State::waiting), doubtful(State::waiting)}, 0ms), "ask 0");
  EXPECT_EQ(move({at(State::missing), doubtful(State::failed)}, 1ms), "end");
}

// Whatever happens, a race asks each upstream at most once, and ends.
TEST(Race, EveryCourseEnds) {
  const State ends[] = {State::missing, State::failed, State::found, State::asked};
  for (int course = 0; course < 4 * 4 * 4 * 8; ++course) {
    std::vector<Runner> runners;
    for (int i = 0; i < 3; ++i)
      runners.push_back((course >> (6 + i)) & 1 ? doubtful(State::waiting) : at(State::waiting));
    int asked = 0;
    RaceClock::duration now = 0ms;
    for (int steps = 0;; ++steps) {
      ASSERT_LT(steps, 20) << "course " << course;
      auto m = next_move(kPolicy, runners, course % 2 == 0, kStart + now);
      if (m.kind == Kind::end || m.kind == Kind::take) break;
      if (m.kind == Kind::wait) {
        if (m.until == RaceClock::time_point::max()) break;  // somebody who never answers
        ASSERT_GT(m.until, kStart + now) << "a wait that is over already";
        now = m.until - kStart;
        continue;
      }
      ASSERT_EQ(runners[m.who].state, State::waiting) << "asked twice";
      ++asked;
      runners[m.who].state = ends[(course >> (2 * m.who)) & 3];
      runners[m.who].asked_at = runners[m.who].answered_at = kStart + now;
    }
    EXPECT_GE(asked, 1);
  }
}

}  // namespace
}  // namespace ncps::cache
