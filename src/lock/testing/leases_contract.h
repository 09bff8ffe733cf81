// What every Leases promises, as a suite that each implementation instantiates:
//
//   INSTANTIATE_TEST_SUITE_P(Local, LeasesContract, ::testing::Values(make_local_leases));
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lock/leases.h"
#include "rt/block_on.h"
#include "rt/task_group.h"

namespace ncps::lock {

// Two instances that agree with each other; of one process the same object twice.
struct TwoLeases {
  std::shared_ptr<Leases> here, there;
};
using LeasesFactory = std::function<TwoLeases()>;

class LeasesContract : public ::testing::TestWithParam<LeasesFactory> {
 protected:
  static constexpr auto kPatience = std::chrono::seconds(30);

  static Ask ask(std::string name, std::string note = "") {
    return {.name = std::move(name), .note = std::move(note)};
  }

  Result<Taken> take(Leases& leases, Ask what) {
    return block_on(runtime, leases.try_take(std::move(what), Deadline::after(kPatience)));
  }

  // Ours, once whoever has it has given it back. nullptr: it never was.
  std::unique_ptr<Lease> wait_for(Leases& leases, const Ask& what) {
    auto signal = leases.given_back(what.name);
    for (auto deadline = Deadline::after(kPatience); !deadline.passed();) {
      auto seen = signal->version();
      auto taken = take(leases, what);
      if (!taken) return nullptr;
      if (auto* lease = std::get_if<std::unique_ptr<Lease>>(&*taken)) return std::move(*lease);
      wait_past(*signal, seen, deadline.at_most(std::chrono::seconds(1)));
    }
    return nullptr;
  }

  bool wait_past(Signal& signal, std::uint64_t seen, Deadline deadline) {
    auto wait = [](Signal& s, std::uint64_t v, Deadline d) -> Task<bool> {
      co_return co_await s.wait_past(v, d);
    };
    return block_on(runtime, wait(signal, seen, deadline)).value_or(false);
  }

  static std::unique_ptr<Lease> ours(Result<Taken> taken) {
    if (!taken || taken->index() != 0) return nullptr;
    return std::get<0>(*std::move(taken));
  }

  static std::optional<Holder> theirs(Result<Taken> taken) {
    if (!taken || taken->index() != 1) return std::nullopt;
    return std::get<1>(*std::move(taken));
  }

  // Takes it, looks whether anybody else has it, and gives it back, `rounds` times.
  static boost::asio::awaitable<void> take_in_turn(Leases& leases, std::string name, int rounds,
                                                   std::atomic<int>& inside,
                                                   std::atomic<int>& together) {
    auto signal = leases.given_back(name);
    for (int done = 0; done < rounds;) {
      auto seen = signal->version();
      Ask what{.name = name};
      auto taken = co_await leases.try_take(std::move(what), Deadline::after(kPatience));
      if (!taken) co_return;  // whoever counts the rounds sees that
      if (taken->index() == 1) {
        co_await signal->wait_past(seen, Deadline::after(std::chrono::seconds(1)));
        continue;
      }
      if (inside.fetch_add(1) != 0) together.fetch_add(1);
      co_await sleep_for(std::chrono::milliseconds(0));  // lets others run
      inside.fetch_sub(1);
      rounds_done.fetch_add(1);
      ++done;
      std::get<0>(*taken).reset();
    }
  }

  inline static std::atomic<int> rounds_done = 0;

  Runtime runtime{4};
  TwoLeases both = GetParam()();
  Leases& here = *both.here;
  Leases& there = *both.there;
};

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
                   Ask{.name = "a", .time_to_live = std::chrono::milliseconds(99)}}) {
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
