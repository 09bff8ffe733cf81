// What goes, what stays, and in which order.
#include "cache/evictor.h"

#include "cache/testing/eviction_fixture.h"
#include "db/upload_rows.h"

namespace ncps::cache {
namespace {

struct EvictorTest : EvictionFixture {
  // Ten of about 2 KiB each, the first one the oldest.
  std::vector<Sample> ten() {
    std::vector<Sample> all;
    for (int i = 0; i < 10; ++i) all.push_back(kept_since(i, "path-" + std::to_string(i)));
    return all;
  }
  static std::uint64_t size_of(const Sample& sample) {
    return sample.file.size() + Evictor::kNarInfoBytes;
  }
  static std::uint64_t size_of(const std::vector<Sample>& samples) {
    std::uint64_t bytes = 0;
    for (const auto& sample : samples) bytes += size_of(sample);
    return bytes;
  }
};

TEST_F(EvictorTest, WithoutALimitNothingGoes) {
  auto all = ten();
  EXPECT_EQ(round(Why::scheduled).bytes, 0u);
  for (const auto& sample : all) EXPECT_TRUE(here(sample));
}

TEST_F(EvictorTest, TheLongestUnusedGoFirstEachWithItsNarInfo) {
  auto all = ten();
  use(all[0], 100);
  limit(max(size_of(all) - 1));
  auto outcome = round();
  EXPECT_TRUE(outcome.enough);
  EXPECT_EQ(outcome.nars, 1u);
  EXPECT_EQ(outcome.bytes, size_of(all[1]));
  EXPECT_TRUE(gone(all[1]));
  EXPECT_EQ(forgotten.with([](auto& f) { return f; }), std::vector{all[1].hash()});
  for (std::size_t i : {0, 2, 3, 9}) EXPECT_TRUE(here(all[i]) && kept(all[i])) << i;
  EXPECT_EQ(round().bytes, 0u) << "and then there is room";
}

TEST_F(EvictorTest, TheScheduleMakesTheRoomAhead) {
  auto all = ten();
  limit(max(size_of(all)));
  EXPECT_EQ(round(Why::needed).bytes, 0u);
  EXPECT_EQ(round(Why::scheduled).nars, 1u);
  EXPECT_TRUE(gone(all[0]));
}

TEST_F(EvictorTest, UsesThatAreNotWrittenYetCount) {
  auto all = ten();
  uses.used(all[0].hash());
  uses.used(all[1].url());
  limit(max(size_of(all) - 1));
  round();
  EXPECT_TRUE(here(all[0]));
  EXPECT_TRUE(here(all[1]));
  EXPECT_TRUE(gone(all[2]));
}

// The round has begun, and what is used from now on is written after it.
TEST_F(EvictorTest, WhatIsUsedDuringTheRoundStays) {
  auto all = ten();
  auto key = storage::BlobKey::parse("store/log/a/ab/abc").value();
  ASSERT_TRUE(run(real_store->put_text(key, std::string(1'000, 'x'), storage::IfExists::keep)));
  auto old = std::chrono::sys_days(std::chrono::January / 1 / 2020) + std::chrono::minutes(1);
  ASSERT_TRUE(run(database.eviction->note_objects({{key.str(), 1'000}}, old)));
  auto with_uses = evictor_deps(store);
  with_uses.forget = [&](const nix::StorePathHash& hash) {
    if (hash != all[0].hash()) return;
    uses.used(key, 1'000);
    uses.used(all[1].hash());
    uses.used(all[2].url());
  };
  evictor = std::make_unique<Evictor>(runtime, std::move(with_uses));
  limit(max(size_of(all) + 1'000 - size_of(all[0]) - 1));  // two must go
  EXPECT_EQ(round().nars, 2u);
  EXPECT_TRUE(gone(all[0]) && gone(all[3]));
  EXPECT_TRUE(here(all[1]) && here(all[2]));
  EXPECT_TRUE(run(real_store->find_text(key)).value());
}

TEST_F(EvictorTest, AnObjectWhoseFirstUseIsNotWrittenYetCountsAndGoes) {
  auto key = storage::BlobKey::parse("store/log/new").value();
  ASSERT_TRUE(run(real_store->put_text(key, std::string(1'000, 'x'), storage::IfExists::keep)));
  uses.used(key, 1'000);
  limit(max(999));
  EXPECT_EQ(round().objects, 1u);
  EXPECT_FALSE(run(real_store->find_text(key)).value());
}

TEST_F(EvictorTest, OneThatIsLargerThanTheExcessGoesAllTheSame) {
  auto large = kept_since(1, "large", 200'000);
  auto small = kept_since(2, "small");
  limit(max(size_of(large) + size_of(small) - 1));
  EXPECT_EQ(round().nars, 1u);
  EXPECT_TRUE(gone(large));
  EXPECT_TRUE(here(small));
}

TEST_F(EvictorTest, OfEqualTimesAsManyGoAsMust) {
  std::vector<Sample> all;
  for (int i = 0; i < 10; ++i) all.push_back(kept_since(1, "path-" + std::to_string(i)));
  limit(max(size_of(all) / 2));
  EXPECT_EQ(round().nars, 6u);
  EXPECT_EQ(std::ranges::count_if(all, [&](const auto& s) { return here(s); }), 4);
}

TEST_F(EvictorTest, ASharedNarCountsOnceAndGoesWithAllItsNarInfos) {
  auto first = kept_since(1, "first");
  auto second = make_sample("second");
  auto other = first;
  other.info.store_path = second.info.store_path;
  other.info.signatures.clear();
  other.sign(upstream_key);
  offer(a, other);
  EXPECT_TRUE(find(other).value());
  auto fresh = kept_since(5, "fresh");
  use(first, 1), use(other, 9);
  auto totals = run(database.eviction->totals()).value();
  EXPECT_EQ(totals.nar_bytes, first.file.size() + fresh.file.size());
  limit(max(totals.nar_bytes + 3 * Evictor::kNarInfoBytes - 1));
  round();
  EXPECT_TRUE(gone(fresh));
  EXPECT_TRUE(here(first)) << "one of its narinfos was used later";
  limit(max(1));
  round();
  EXPECT_TRUE(gone(first));
  EXPECT_TRUE(gone(other));
}

TEST_F(EvictorTest, TheWayToItStaysAndItIsFetchedAgainForWhoRemembersItsUrl) {
  auto sample = kept_since(1, "hello");
  limit(max(1));
  round();
  ASSERT_TRUE(gone(sample));
  limit({});
  auto got = run(get(sample.url()));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->bytes, sample.file);
  wait_stored(sample);
  EXPECT_TRUE(here(sample));
  EXPECT_EQ(run(database.eviction->totals()).value().nar_bytes, sample.file.size());
}

TEST_F(EvictorTest, WhatIsReadOrOnItsWayStays) {
  auto read = kept_since(1, "read"), other = kept_since(2, "other");
  auto nar = run(nars->open(read.url(), Deadline::never()));
  ASSERT_TRUE(nar);
  auto source = nar->read(0, nar->size());
  nar = fail(ErrorKind::internal, "");  // the response lives on, as in a session
  auto held = downloads->try_exclude(other.url());
  ASSERT_TRUE(held);
  limit(max(1));
  EXPECT_FALSE(round().enough);
  EXPECT_TRUE(here(read));
  EXPECT_TRUE(here(other));
  source.reset();
  held.reset();
  EXPECT_EQ(round().nars, 2u);
}

// Opens the NAR in the moment in which its narinfo goes.
struct ReaderComes final : storage::FailingBlobStore {
  ReaderComes(EvictorTest& test, nix::NarUrl url)
      : FailingBlobStore(*test.real_store, test.faults), nars(*test.nars), url(std::move(url)) {}
  Task<void> remove(storage::BlobKey key) override {
    if (!reader) {
      CO_TRY(auto nar, co_await nars.open_kept(url));
      reader = nar->read(0, nar->size());
    }
    co_return co_await FailingBlobStore::remove(std::move(key));
  }
  NarService& nars;
  nix::NarUrl url;
  std::unique_ptr<ByteSource> reader;
};

TEST_F(EvictorTest, WhatSomebodyBeginsToReadStaysAndStillCounts) {
  auto sample = kept_since(1, "hello");
  ReaderComes coming(*this, sample.url());
  limit(max(1));
  {
    Evictor late(runtime, evictor_deps(coming));
    auto outcome = run(late.round(Why::needed)).value();
    EXPECT_EQ(outcome.nars, 0u);
    EXPECT_FALSE(outcome.enough);
  }
  EXPECT_TRUE(here(sample));
  EXPECT_EQ(run(database.eviction->totals()).value().nar_bytes, sample.file.size());
  coming.reader.reset();
  EXPECT_EQ(round().nars, 1u);
  EXPECT_FALSE(here(sample));
}

TEST_F(EvictorTest, WhatIsAskedForMeanwhileWaitsAndIsFetchedAnew) {
  auto sample = kept_since(1, "hello");
  auto held = downloads->try_exclude(sample.url());
  ASSERT_TRUE(held);
  EXPECT_FALSE(downloads->try_exclude(sample.url())) << "one at a time";
  std::filesystem::remove(root.path() / nar_key(sample.url()).str());  // as eviction does
  auto spool = downloads->join(job(sample));
  EXPECT_FALSE(downloads->try_exclude(sample.url())) << "it is on its way";
  EXPECT_EQ(spool->view().state, SpoolState::waiting);
  held.reset();
  EXPECT_EQ(outcome(spool), std::nullopt);
  wait_stored(sample);
  EXPECT_TRUE(here(sample));
  EXPECT_TRUE(downloads->try_exclude(sample.url()));
}

TEST_F(EvictorTest, WhatIsLookedForWhileItIsHeldWaits) {
  auto sample = kept_since(1, "hello");
  auto held = service->try_hold(sample.hash());
  ASSERT_TRUE(held);
  auto late = run(service->find(sample.hash(), Asked::by_head, Deadline::after({})));
  EXPECT_EQ(failure_of(late), ErrorKind::timeout);
  limit(max(1));
  EXPECT_FALSE(round().enough) << "somebody is at it";
  EXPECT_TRUE(here(sample));
  held.reset();
  EXPECT_TRUE(find(sample).value());
}

TEST_F(EvictorTest, AClockThatWasFarAheadDoesNotKeepItFromItsTimes) {
  using namespace std::chrono;
  std::atomic<long long> clock = sys_seconds(sys_days(June / 1 / 2040)).time_since_epoch().count();
  auto set = [&](sys_seconds to) { clock = to.time_since_epoch().count(); };
  auto with_clock = evictor_deps(store);
  with_clock.clock = [&] { return sys_seconds(seconds(clock)); };
  evictor = std::make_unique<Evictor>(runtime, with_clock);
  auto sample = kept_since(1, "hello");
  // Within the limit, but above what a round at its time leaves.
  limit(max(bytes_in_store() + Evictor::kNarInfoBytes));
  evictor->use(CronSchedule::parse("0 3 * * *", "UTC").value());
  evictor->start();
  run(space.make_room(0)).value();  // one round, and its look at the clock before it
  set(sys_days(January / 1 / 2026) + hours(3) - seconds(1));
  run(space.make_room(0)).value();
  EXPECT_TRUE(here(sample)) << "it is not time yet";
  set(sys_days(January / 1 / 2026) + hours(3));
  auto deadline = Deadline::after(seconds(60));
  while (here(sample) && !deadline.passed()) std::this_thread::yield();
  EXPECT_TRUE(gone(sample));
  space.stop();
  EXPECT_TRUE(evictor->stop(Deadline::after(seconds(60))));  // before the clock goes
}

TEST_F(EvictorTest, NarInfosWithoutTheirNarGoToo) {
  auto alone = offered("alone"), other = offered("other");
  EXPECT_TRUE(find(alone).value());
  EXPECT_TRUE(find(other).value());
  use(alone, 1), use(other, 2);
  limit(max(Evictor::kNarInfoBytes));
  EXPECT_EQ(round().narinfos, 2u)
      << "one too much; the second, because the room goes below the limit";
  EXPECT_TRUE(gone(alone));
  limit({});
  EXPECT_TRUE(find(alone).value()) << "from the upstream again";
}

TEST_F(EvictorTest, ObjectsGoInTheirTurn) {
  auto sample = kept_since(5, "hello");
  auto key = storage::BlobKey::parse("store/log/a/ab/abc").value();
  ASSERT_TRUE(run(store.put_text(key, std::string(5'000, 'x'), storage::IfExists::keep)));
  uses.used(key, 5'000);
  ASSERT_TRUE(run(uses.write()));
  use(sample, 1), limit(max(6'000));
  round();
  EXPECT_TRUE(gone(sample)) << "the older one";
  limit(max(4'999));
  EXPECT_EQ(round().objects, 1u);
  EXPECT_FALSE(run(store.find_text(key)).value());
  EXPECT_EQ(run(database.eviction->totals()).value().objects, 0u);
}

// Somebody reads each object in the moment in which it is removed.
struct ReadWhileRemoved final : storage::FailingBlobStore {
  ReadWhileRemoved(storage::BlobStore& store, testing::FaultPlan& plan, UseLog& uses)
      : FailingBlobStore(store, plan), uses(uses) {}
  Task<void> remove(storage::BlobKey key) override {
    uses.used(key, 5'000);
    co_return co_await FailingBlobStore::remove(std::move(key));
  }
  UseLog& uses;
};

TEST_F(EvictorTest, AUseInTheMomentOfTheRemovalGivesAnObjectNoRowAgain) {
  auto key = storage::BlobKey::parse("store/log/a/ab/abc").value();
  ASSERT_TRUE(run(real_store->put_text(key, std::string(5'000, 'x'), storage::IfExists::keep)));
  uses.used(key, 5'000);
  ReadWhileRemoved read(*real_store, faults, uses);
  evictor = std::make_unique<Evictor>(runtime, evictor_deps(read));
  limit(max(4'999));
  EXPECT_EQ(round().objects, 1u);
  ASSERT_TRUE(run(uses.write()));
  EXPECT_EQ(run(database.eviction->totals()).value().objects, 0u);
}

TEST_F(EvictorTest, TheClosureOfAPinStaysWhateverIsTooMuch) {
  auto leaf = kept_since(1, "leaf");
  auto middle = kept_since(2, "middle", 2'000, {&leaf});
  auto top = kept_since(3, "top", 2'000, {&middle});
  auto other = kept_since(9, "other");
  ASSERT_TRUE(run(database.pins->add({.hash = top.hash(), .store_path = ""})));
  limit(max(1));
  EXPECT_FALSE(round().enough);
  EXPECT_TRUE(here(leaf) && here(middle) && here(top));
  EXPECT_TRUE(gone(other));
  ASSERT_TRUE(run(database.pins->remove(top.hash())));
  EXPECT_EQ(round().nars, 3u);
}

TEST_F(EvictorTest, AClosureThatBecomesKnownLaterIsKeptFromThen) {
  auto leaf = kept_since(1, "leaf");
  auto top = offered("top", 2'000, {&leaf});
  ASSERT_TRUE(run(database.pins->add({.hash = top.hash(), .store_path = ""})));
  ASSERT_TRUE(find(top).value());
  limit(max(1));
  EXPECT_FALSE(round().enough);
  EXPECT_TRUE(here(leaf));
  EXPECT_TRUE(kept(top));
}

TEST_F(EvictorTest, AClosureFollowsANarInfoThatIsSentAnewWithOtherReferences) {
  auto before = offered("before"), after = offered("after");
  auto top = offered("top", 2'000, {&before});
  ASSERT_TRUE(run(database.pins->add({.hash = top.hash(), .store_path = ""})));
  ASSERT_TRUE(find(top).value());
  PinnedClosure closure(*database.pins, *real_catalog, *real_store, std::chrono::seconds(0));
  ASSERT_TRUE(run(closure.refresh()));
  EXPECT_TRUE(closure.contains(before.hash()));
  auto row = run(real_catalog->find_narinfo(top.hash())).value().value();
  auto nar = run(real_catalog->find_nar(row.nar_url)).value().value();
  auto old_text = row.text;
  top.info.references = {after.info.store_path};
  row.text = top.text();
  ASSERT_TRUE(run(real_catalog->uploads().replace_narinfo(row, nar, old_text)).value());
  ASSERT_TRUE(run(closure.refresh()));
  EXPECT_TRUE(closure.contains(after.hash()));
  EXPECT_FALSE(closure.contains(before.hash()));
}

TEST_F(EvictorTest, WhatIsPinnedCannotBeFoundOutSoNothingGoes) {
  auto sample = kept_since(1, "hello");
  ASSERT_TRUE(run(database.pins->add({.hash = sample.hash(), .store_path = ""})));
  limit(max(1));
  faults.fail_always("find_narinfo");
  EXPECT_FALSE(run(evictor->round(Why::needed)));
  EXPECT_TRUE(here(sample));
  faults.heal();
}

TEST_F(EvictorTest, APinChangesWhatWasListedBeforeIt) {
  auto leaf = kept_since(1, "leaf");
  auto top = kept_since(2, "top", 2'000, {&leaf});
  auto listed = run(database.eviction->nars({}, 10, {})).value();
  ASSERT_EQ(listed.size(), 2u);
  auto pinned =
      run(add_pin(*database.pins, catalog, store, {.hash = top.hash(), .store_path = ""}));
  ASSERT_TRUE(pinned);
  EXPECT_TRUE(pinned->fresh);
  EXPECT_EQ(pinned->closure, 2u);
  for (const auto& nar : listed) EXPECT_FALSE(run(database.eviction->drop(nar)).value());
}

TEST_F(EvictorTest, AnUploadThatAwaitsItsNarInfoStays) {
  auto sample = make_sample("upload");
  auto row = sample.row("");
  ASSERT_TRUE(run(real_catalog->put_narinfo(
      {.hash = sample.hash(), .text = sample.text(), .upstream = "", .nar_url = row.url}, row)));
  for (const auto& info : run(database.eviction->narinfos({}, 10)).value())
    ASSERT_TRUE(run(database.eviction->drop(info)).value());
  ASSERT_TRUE(
      run(store.put_text(nar_key(row.url), std::string(sample.file), storage::IfExists::keep)));
  ASSERT_TRUE(run(real_catalog->mark_stored(row.url, sample.file.size())));
  limit(max(1));
  EXPECT_FALSE(round().enough);
  EXPECT_TRUE(here(sample));
  auto long_ago = std::chrono::sys_days(std::chrono::January / 1 / 2020);
  ASSERT_TRUE(run(real_catalog->note_uses({.narinfos = {}, .nars = {row.url}}, long_ago)));
  EXPECT_EQ(round().nars, 1u) << "its narinfo did not come";
}

TEST_F(EvictorTest, WhateverStepFailsTheNextRoundFinishes) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    ASSERT_LT(n, 30);
    limit({});
    auto sample = kept_since(1, "hello");
    limit(max(1));
    faults.fail_nth(n);
    auto first = run(evictor->round(Why::needed));
    bool fired = faults.fired();
    faults.heal();
    if (!first) EXPECT_TRUE(fired);
    EXPECT_TRUE(run(evictor->round(Why::needed)));
    EXPECT_FALSE(here(sample));
    EXPECT_FALSE(run(real_catalog->find_narinfo(sample.hash())).value());
    EXPECT_EQ(run(database.eviction->totals()).value().nar_bytes, 0u);
    if (!fired) break;
  }
}

}  // namespace
}  // namespace ncps::cache
