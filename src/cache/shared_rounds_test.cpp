// Several instances with one store make room, and scrub, one at a time.
#include "cache/evictor.h"
#include "cache/scrub.h"
#include "cache/testing/care_fixture.h"
#include "cache/testing/eviction_fixture.h"

namespace ncps::cache {
namespace {

struct SharedRounds : EvictionFixture {
  // One byte is too much, and the older one has to go.
  SharedRounds() {
    limit(max(older.file.size() + newer.file.size() + 2 * Evictor::kNarInfoBytes - 1));
  }
  Sample older = kept_since(1, "older"), newer = kept_since(2, "newer");
};

TEST_F(SharedRounds, WhileAnotherInstanceMakesRoomNothingGoesHere) {
  leases.take("lru", "");
  auto outcome = round(Why::scheduled);
  EXPECT_TRUE(outcome.elsewhere && outcome.enough);
  EXPECT_TRUE(here(older));
  leases.expire("lru");
  EXPECT_EQ(round(Why::needed).nars, 1u);
  EXPECT_TRUE(gone(older) && here(newer));
  EXPECT_EQ(leases.held(), 0u);
}

TEST_F(SharedRounds, ARoundTellsItsLeaseThatItComesOn) {
  auto before = leases.steps();
  EXPECT_EQ(round(Why::needed).nars, 1u);
  EXPECT_GE(leases.steps(), before + 2) << "a pass, and what went";
  // Asked for last: the NAR's, which nobody need wait for longer than this.
  EXPECT_EQ(leases.last_ask().name, download_lease(older.url()));
  EXPECT_EQ(leases.last_ask().stalls_after, std::chrono::minutes(2));
}

TEST_F(SharedRounds, WhoComesWithASmallerFenceDropsNothing) {
  ASSERT_TRUE(run(database.eviction->claim_round(1'900'000'000'000'000)).value());
  EXPECT_TRUE(round(Why::scheduled).elsewhere);
  EXPECT_TRUE(here(older) && kept(older));
}

TEST_F(SharedRounds, WhereNobodyCanBeAskedNothingGoes) {
  leases.away(true);
  EXPECT_FALSE(run(evictor->round(Why::needed)));
  EXPECT_TRUE(here(older));
}

TEST_F(SharedRounds, WhatAnotherInstanceFetchesStays) {
  leases.take(download_lease(older.url()), "http://other:1");
  round(Why::scheduled);
  EXPECT_TRUE(here(older) && kept(older));
  leases.expire(download_lease(older.url()));
}

struct SharedScrub : CareFixture {
  TestLeases leases;
};

TEST_F(SharedScrub, WhileAnotherInstanceScrubsNothingIsReadHere) {
  NarCheckDeps deps{
      .store = store, .inventory = *inventory, .cpu = cpu, .catalog = real_catalog.get()};
  Scrub scrub(runtime, deps, {.leases = &leases});
  auto sample = keep("a");
  auto when = db::Time(std::chrono::sys_days(std::chrono::January / 1 / 2020));
  ASSERT_TRUE(run(inventory->mark_verified({sample.url()}, when)));
  leases.take("scrub", "");
  auto outcome = run(scrub.run()).value();
  EXPECT_TRUE(outcome.elsewhere);
  EXPECT_EQ(outcome.right, 0u);
  leases.expire("scrub");
  outcome = run(scrub.run()).value();
  EXPECT_FALSE(outcome.elsewhere);
  EXPECT_EQ(outcome.right, 1u);
  EXPECT_EQ(leases.held(), 0u);
}

}  // namespace
}  // namespace ncps::cache
