#include "upstream/health.h"

#include <gtest/gtest.h>

#include <string_view>
#include <utility>
#include <vector>

namespace ncps::upstream {
namespace {

using namespace std::chrono_literals;
using Change = Health::Change;
using Kind = Health::Kind;
using Outcome = Health::Outcome;

const Health::Time kNow{1'000'000s};

// One attempt after the other: a(live), f(ailed), u(nreachable), ? (unknown).
Change run(Health& health, std::string_view outcomes, Kind kind = Kind::request) {
  auto change = Change::none;
  for (char c : outcomes) {
    auto outcome = c == 'a'   ? Outcome::alive
                   : c == 'f' ? Outcome::failed
                   : c == 'u' ? Outcome::unreachable
                              : Outcome::unknown;
    change = health.end(health.begin(kind), outcome, kNow, 0.0);
  }
  return change;
}

struct Case {
  std::string_view outcomes;
  Standing standing;
  std::uint64_t returns;
  Change last;
};

TEST(Health, FollowsFromTheLastAttempts) {
  constexpr auto kGood = Standing::good, kDoubtful = Standing::doubtful;
  const Case cases[] = {
      {"", kGood, 0, Change::none},
      {"a", kGood, 0, Change::none},
      {"?", kGood, 0, Change::none},
      {"u", kDoubtful, 0, Change::went},
      {"au", kDoubtful, 0, Change::went},
      {"uu", kDoubtful, 0, Change::none},
      {"uf", kDoubtful, 0, Change::none},
      {"u?", kDoubtful, 0, Change::none},
      {"ua", kGood, 1, Change::came_back},
      {"uaa", kGood, 1, Change::none},
      {"uaua", kGood, 2, Change::came_back},
      {"uau", kDoubtful, 1, Change::went},
      {"f", kGood, 0, Change::none},
      {"ffff", kGood, 0, Change::none},
      {"fffff", kDoubtful, 0, Change::went},
      {"ffffff", kDoubtful, 0, Change::none},
      {"ffffafff", kGood, 0, Change::none},
      {"ffffaffff", kGood, 0, Change::none},
      {"ffffafffff", kDoubtful, 0, Change::went},
      {"ffff?f", kDoubtful, 0, Change::went},
      {"ffffu", kDoubtful, 0, Change::went},
      {"fffffa", kGood, 1, Change::came_back},
      {"fffffaffff", kGood, 1, Change::none},
      {"uaffff", kGood, 1, Change::none},
      {"????????", kGood, 0, Change::none},
  };
  for (const auto& c : cases) {
    for (auto kind : {Kind::request, Kind::probe}) {
      Health health;
      EXPECT_EQ(run(health, c.outcomes, kind), c.last) << c.outcomes;
      EXPECT_EQ(health.standing(), c.standing) << c.outcomes;
      EXPECT_EQ(health.returns(), c.returns) << c.outcomes;
    }
  }
}

TEST(Health, WhileSomebodyTriesItSaysSo) {
  Health health;
  auto before = health.begin(Kind::request);
  EXPECT_FALSE(before.trial);
  run(health, "u");
  EXPECT_EQ(health.standing(), Standing::doubtful) << "nobody has begun to try since it went";
  auto one = health.begin(Kind::request), two = health.begin(Kind::probe);
  EXPECT_TRUE(one.trial);
  EXPECT_TRUE(two.trial);
  EXPECT_EQ(health.standing(), Standing::trying);
  health.end(one, Outcome::unreachable, kNow, 0);
  EXPECT_EQ(health.standing(), Standing::trying);
  health.end(two, Outcome::unknown, kNow, 0);
  EXPECT_EQ(health.standing(), Standing::doubtful);
  health.end(before, Outcome::unreachable, kNow, 0);
  EXPECT_EQ(health.standing(), Standing::doubtful);
}

TEST(Health, OneThatWasAskedBeforeItWentBringsItBackToo) {
  Health health;
  auto slow = health.begin(Kind::request);
  run(health, "u");
  EXPECT_EQ(health.end(slow, Outcome::alive, kNow, 0), Change::came_back);
  EXPECT_EQ(health.standing(), Standing::good);
}

TEST(Health, WhatHungThroughAnOutageDoesNotOpenItAgain) {
  Health health;
  std::vector<Health::Attempt> hanging;
  for (int i = 0; i < 20; ++i) hanging.push_back(health.begin(Kind::request));
  run(health, "ua");
  ASSERT_EQ(health.standing(), Standing::good);
  for (const auto& attempt : hanging)
    EXPECT_EQ(health.end(attempt, Outcome::unreachable, kNow, 0), Change::none);
  EXPECT_EQ(health.standing(), Standing::good);
  EXPECT_EQ(health.returns(), 1u);
  run(health, "ffff");
  EXPECT_EQ(health.standing(), Standing::good) << "they did not count";
}

TEST(Health, ATrialThatEndsLateDoesNotConfuseTheNextOutage) {
  Health health;
  run(health, "u");
  auto late = health.begin(Kind::request);
  run(health, "au");
  EXPECT_EQ(health.standing(), Standing::trying);
  health.end(late, Outcome::unreachable, kNow, 0);
  EXPECT_EQ(health.standing(), Standing::doubtful);
}

TEST(Health, AnotherStoreDirIsRefusedWhateverItAnswers) {
  Health health;
  EXPECT_EQ(health.fits(true), Change::none);
  EXPECT_EQ(health.fits(false), Change::went);
  EXPECT_EQ(health.fits(false), Change::none);
  EXPECT_EQ(health.standing(), Standing::refused);
  run(health, "u");
  EXPECT_EQ(health.standing(), Standing::refused);
  run(health, "a");
  EXPECT_EQ(health.standing(), Standing::refused);
  auto returns = health.returns();
  EXPECT_EQ(health.fits(true), Change::came_back);
  EXPECT_EQ(health.standing(), Standing::good);
  EXPECT_EQ(health.returns(), returns + 1);
}

TEST(HealthProbes, AreDueAtOnceThenEachMinute) {
  Health health;
  EXPECT_LE(health.next_probe(), Health::Time());
  run(health, "a", Kind::probe);
  EXPECT_EQ(health.next_probe(), kNow + 60s);
  run(health, "aaafffa?", Kind::request);
  EXPECT_EQ(health.next_probe(), kNow + 60s) << "requests do not move it";
}

TEST(HealthProbes, ComeSoonAfterItWentAndEverLaterAfterThat) {
  Health health;
  run(health, "a", Kind::probe);
  run(health, "u");
  const Health::Time::duration delays[] = {250ms, 500ms, 1s, 2s, 4s, 8s, 10s, 10s};
  for (auto delay : delays) {
    EXPECT_EQ(health.next_probe(), kNow + delay);
    run(health, "uff?", Kind::request);
    EXPECT_EQ(health.next_probe(), kNow + delay) << "requests do not move it";
    run(health, "u", Kind::probe);
  }
  run(health, "a", Kind::request);
  EXPECT_EQ(health.next_probe(), kNow + 60s) << "what came back is asked like the others";
  run(health, "u");
  EXPECT_EQ(health.next_probe(), kNow + 250ms) << "and begins anew when it goes again";
}

TEST(HealthProbes, OneThatIsWellForProbesOnlyIsTriedEverLater) {
  Health health;
  const Health::Time::duration delays[] = {250ms, 500ms, 1s, 2s, 4s, 8s, 10s, 10s};
  for (auto delay : delays) {
    run(health, "fffff", Kind::request);
    EXPECT_EQ(health.next_probe(), kNow + delay);
    run(health, "aa", Kind::probe);
    EXPECT_EQ(health.standing(), Standing::good);
  }
  run(health, "a", Kind::request);
  run(health, "a", Kind::probe);
  run(health, "fffff", Kind::request);
  EXPECT_EQ(health.next_probe(), kNow + 250ms) << "it had answered a request";
  run(health, "a", Kind::probe);
  health.end(health.begin(Kind::request), Outcome::unreachable, kNow + 59s, 0);
  EXPECT_EQ(health.next_probe(), kNow + 59s + 500ms);
  health.end(health.begin(Kind::probe), Outcome::alive, kNow + 60s, 0);
  health.end(health.begin(Kind::probe), Outcome::unreachable, kNow + 120s, 0);
  EXPECT_EQ(health.next_probe(), kNow + 120s + 250ms) << "it was well for a minute";
}

TEST(HealthProbes, TheFirstThatFailsIsFollowedSoon) {
  Health health;
  run(health, "u", Kind::probe);
  EXPECT_EQ(health.next_probe(), kNow + 250ms);
  run(health, "?", Kind::probe);
  EXPECT_EQ(health.next_probe(), kNow + 500ms) << "one without an answer is no reason to hurry";
}

TEST(HealthProbes, AreShiftedByChanceToTheEarlierSideOnly) {
  const std::pair<double, std::chrono::milliseconds> cases[] = {
      {0.0, 60'000ms}, {0.5, 52'500ms}, {0.999, 45'015ms}};
  for (auto [random, delay] : cases) {
    Health health;
    health.end(health.begin(Kind::probe), Outcome::alive, kNow, random);
    EXPECT_EQ(health.next_probe(), kNow + delay) << random;
  }
}

}  // namespace
}  // namespace ncps::upstream
