#include "cache/fetch_policy.h"

#include <gtest/gtest.h>

namespace ncps::cache {
namespace {

using std::chrono::milliseconds;
constexpr FetchPolicy kPolicy;

FetchStep step(bool begun, unsigned failures, std::size_t sources, int silence_ms = 0) {
  return next_step(kPolicy, {.begun = begun,
                             .failures = failures,
                             .sources = sources,
                             .silence = milliseconds(silence_ms)});
}

TEST(FetchPolicy, BeforeTheFirstByteEachSourceIsAskedOnceWithoutWaiting) {
  EXPECT_FALSE(step(false, 1, 1).go_on);
  EXPECT_TRUE(step(false, 1, 3).go_on);
  EXPECT_TRUE(step(false, 2, 3).go_on);
  EXPECT_FALSE(step(false, 3, 3).go_on);
  for (unsigned failures = 1; failures < 20; ++failures) {
    auto s = step(false, failures, 20, 1'000'000);  // however long the others took to fail
    EXPECT_TRUE(s.go_on && s.next_source);
    EXPECT_EQ(s.delay, milliseconds(0));
  }
}

TEST(FetchPolicy, AfterItWeHoldOnTurnByTurnAndEachRoundWaitsTwiceAsLong) {
  struct Row {
    unsigned failures;
    std::size_t sources;
    bool next;
    int delay;
  };
  const Row rows[] = {{1, 1, false, 0},    {2, 1, false, 100}, {3, 1, false, 200},
                      {4, 1, false, 400},  {5, 1, false, 800}, {6, 1, false, 1600},
                      {7, 1, false, 2000}, {1, 2, true, 0},    {2, 2, true, 0},
                      {3, 2, true, 100},   {4, 2, true, 100},  {5, 2, true, 200},
                      {7, 3, true, 200},   {1, 9, true, 0},    {7, 9, true, 0}};
  for (const auto& row : rows) {
    auto s = step(true, row.failures, row.sources);
    EXPECT_TRUE(s.go_on) << row.failures;
    EXPECT_EQ(s.next_source, row.next) << row.failures << " of " << row.sources;
    EXPECT_EQ(s.delay, milliseconds(row.delay)) << row.failures << " of " << row.sources;
  }
}

TEST(FetchPolicy, ItEndsByCountAndByTime) {
  EXPECT_TRUE(step(true, kPolicy.most_failures - 1, 2).go_on);
  EXPECT_FALSE(step(true, kPolicy.most_failures, 2).go_on);
  EXPECT_FALSE(step(true, 3, 2, 30'000).go_on);
}

TEST(FetchPolicy, NeverGivesUpBeforeTheFirstRoundOverAllSources) {
  for (bool begun : {false, true}) {
    for (std::size_t sources = 1; sources <= 20; ++sources) {
      for (unsigned failures = 1; failures < sources; ++failures) {
        // A stall costs 10 s, a silent server 20 s: time alone must not keep the last from its
        // turn.
        for (int silence : {0, 29'999, 30'000, 1'000'000}) {
          auto s = step(begun, failures, sources, silence);
          EXPECT_TRUE(s.go_on) << begun << " " << failures << " of " << sources;
          EXPECT_TRUE(s.next_source);
          EXPECT_EQ(s.delay, milliseconds(0));
        }
      }
    }
  }
}

TEST(FetchPolicy, AlwaysEnds) {
  for (bool begun : {false, true})
    for (std::size_t sources : {1, 2, 3, 8, 9, 50}) {
      unsigned failures = 1;
      while (step(begun, failures, sources).go_on && failures < 1'000) ++failures;
      EXPECT_LE(failures, std::max<std::size_t>(sources, kPolicy.most_failures));
    }
  EXPECT_FALSE(step(true, 4'000'000'000U, 1).go_on);
}

TEST(FetchPolicy, NoDelayIsNegativeOrAboveTheLongest) {
  constexpr FetchPolicy patient{.most_failures = 1'000'000};
  for (unsigned failures = 1; failures < 200'000; failures = failures * 3 / 2 + 1) {
    auto s = next_step(patient, {.begun = true, .failures = failures, .sources = 1, .silence = {}});
    EXPECT_GE(s.delay, milliseconds(0));
    EXPECT_LE(s.delay, patient.longest_delay);
  }
}

}  // namespace
}  // namespace ncps::cache
