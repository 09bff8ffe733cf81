// What every Leases promises, as a suite that each implementation instantiates:
//
//   INSTANTIATE_TEST_SUITE_P(Local, LeasesContract, ::testing::Values(make_local_leases));
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lock/testing/leases_fixture.h"
#include "rt/task_group.h"

namespace ncps::lock {

TEST_P(LeasesContract, OneAtATimeHasIt) {
  auto lease = ours(take(here, ask("a")));
  ASSERT_TRUE(lease);
  EXPECT_TRUE(lease->good());
  EXPECT_TRUE(theirs(take(there, ask("a"))));
  EXPECT_TRUE(theirs(take(here, ask("a")))) << "the holder himself is no exception";
  EXPECT_TRUE(lease->good()) << "asking takes nothing away";
}

TEST_P(LeasesContract, TheHolderIsSeenAsItToldOfItself) {
  const std::string note("http://10.0.0.1:8501/\0\r\n\xff {}", 28);
  auto lease = ours(take(here, ask("a", note)));
  ASSERT_TRUE(lease);
  auto holder = theirs(take(there, ask("a", "somebody else")));
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->note, note);
  EXPECT_EQ(holder->fence, lease->fence());
}

TEST_P(LeasesContract, AnEmptyNoteAndALongOneAreKept) {
  for (const auto& note : {std::string(), std::string(1024, 'n'), std::string(1024, '\0')}) {
    auto lease = wait_for(here, ask("a", note));
    ASSERT_TRUE(lease);
    auto holder = theirs(take(there, ask("a")));
    ASSERT_TRUE(holder);
    EXPECT_EQ(holder->note, note);
  }
}

TEST_P(LeasesContract, WhatWasGivenBackIsFreeSoon) {
  auto lease = ours(take(here, ask("a")));
  ASSERT_TRUE(lease);
  lease.reset();
  EXPECT_TRUE(wait_for(there, ask("a")));
}

TEST_P(LeasesContract, GivingBackWakesWhoWaits) {
  for (auto* waiting : {&here, &there}) {
    auto lease = wait_for(here, ask("a"));
    ASSERT_TRUE(lease);
    auto signal = waiting->given_back("a");
    auto seen = signal->version();
    lease.reset();
    EXPECT_TRUE(wait_past(*signal, seen, Deadline::after(kPatience)));
  }
}

TEST_P(LeasesContract, EverybodyWhoWaitsForANameHasTheSameSignal) {
  EXPECT_EQ(here.given_back("a"), here.given_back("a"));
  EXPECT_NE(here.given_back("a"), here.given_back("b"));
}

TEST_P(LeasesContract, ASignalMayOutliveTheLeases) {
  auto signal = here.given_back("a");
  both = {};
  EXPECT_EQ(signal->version(), signal->version());
}

TEST_P(LeasesContract, AFenceIsGreaterThanAnyBeforeOrThereIsNone) {
  std::uint64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    auto lease = wait_for(i % 2 == 0 ? here : there, ask("a"));
    ASSERT_TRUE(lease);
    if (i > 0) EXPECT_TRUE(lease->fence() > last || (last == 0 && lease->fence() == 0));
    last = lease->fence();
  }
}

TEST_P(LeasesContract, NamesDoNotCollide) {
  std::string every_byte;
  for (int c = 0; c < 256; ++c) every_byte.push_back(static_cast<char>(c));
  const std::string names[] = {"",
                               "a",
                               "A",
                               "a:fence",
                               "{a}",
                               "a}",
                               "}",
                               "{",
                               "{}",
                               "%",
                               "%61",
                               "a ",
                               " a",
                               "a\n",
                               "a\r\n",
                               "\xff",
                               "\xc3\xa4",
                               "{a}:fence",
                               "a*",
                               "a?",
                               "[a]",
                               "a/b",
                               "a//b",
                               "lru",
                               "download:nar:nar/0a1b.nar.xz",
                               every_byte,
                               std::string(512, 'x'),
                               std::string(511, 'x'),
                               std::string("a\0b", 3),
                               std::string(1, '\0'),
                               std::string(512, '\0')};
  std::vector<std::unique_ptr<Lease>> leases;
  for (const auto& name : names) {
    leases.push_back(ours(take(here, ask(name))));
    EXPECT_TRUE(leases.back()) << ::testing::PrintToString(name);
  }
  for (const auto& name : names)
    EXPECT_TRUE(theirs(take(there, ask(name)))) << ::testing::PrintToString(name);
}

TEST_P(LeasesContract, WhatIsBeyondItsLimitsIsRefused) {
  for (auto bad : {ask(std::string(513, 'x')), ask("a", std::string(1025, 'x')),
                   Ask{.name = "a", .time_to_live = std::chrono::milliseconds(99)},
                   Ask{.name = "a", .stalls_after = std::chrono::milliseconds(99)}}) {
    auto taken = take(here, bad);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().kind(), ErrorKind::invalid);
  }
  EXPECT_TRUE(ours(take(here, ask("a"))));
}

TEST_P(LeasesContract, ManyAtOnceNeverHoldItTogether) {
  constexpr int kTakers = 8, kRounds = 25;
  std::atomic<int> inside = 0, together = 0;
  rounds_done = 0;
  {
    TaskGroup group;
    for (int i = 0; i < kTakers; ++i)
      group.spawn(runtime.next_executor(), "taker",
                  take_in_turn(i % 2 == 0 ? here : there, "a", kRounds, inside, together));
    ASSERT_TRUE(group.join_blocking(Deadline::never()));
  }
  EXPECT_EQ(together, 0);
  EXPECT_EQ(rounds_done, kTakers * kRounds);
}

}  // namespace ncps::lock
