#include "cache/scrub.h"

#include "cache/count_log.h"
#include "cache/testing/care_fixture.h"

namespace ncps::cache {
namespace {

struct ScrubTest : CareFixture {
  NarCheckDeps deps() { return deps(store); }
  NarCheckDeps deps(storage::BlobStore& of) {
    return {.store = of,
            .inventory = *inventory,
            .cpu = cpu,
            .catalog = real_catalog.get(),
            .locks = &locks,
            .forget = [this](const auto& hash) { forgotten.push_back(hash); }};
  }
  UploadLocks locks;
  std::vector<nix::StorePathHash> forgotten;
  Scrub scrub{runtime, deps(), {}};

  // "2 1 0 0": right, removed, absent, unread.
  std::string done() {
    auto outcome = run(scrub.run()).value();
    return std::to_string(outcome.right) + " " + std::to_string(outcome.removed) + " " +
           std::to_string(outcome.absent) + " " + std::to_string(outcome.unread);
  }
  // As if all had been verified long ago.
  void forget_verified(const Sample& sample, int day = 1) {
    auto when = db::Time(std::chrono::sys_days(std::chrono::January / day / 2020));
    ASSERT_TRUE(run(inventory->mark_verified({sample.url()}, when)));
  }
};

TEST_F(ScrubTest, WhatIsRightStaysAndIsNotReadAgain) {
  EXPECT_EQ(done(), "0 0 0 0");
  auto a = keep("a", 50'000), b = keep("b");
  for (const auto& sample : {a, b}) forget_verified(sample);
  EXPECT_EQ(done(), "2 0 0 0");
  EXPECT_TRUE(lies(nar_key(a.url())));
  auto year = std::chrono::sys_days(std::chrono::January / 1 / 2025);
  EXPECT_GT(entry(a.url())->verified, year);
}

TEST_F(ScrubTest, WhatIsWrongGoesAndItsRowStays) {
  auto good = keep("good", 50'000), bad = keep("bad", 50'000), gone = keep("gone");
  for (const auto& sample : {good, bad, gone}) forget_verified(sample);
  flip(bad);
  std::filesystem::remove(root.path() / nar_key(gone.url()).str());
  EXPECT_EQ(done(), "1 1 1 0");
  EXPECT_FALSE(lies(nar_key(bad.url())));
  EXPECT_TRUE(lies(nar_key(good.url())));
  for (const auto& sample : {bad, gone}) {
    ASSERT_TRUE(entry(sample.url()));
    EXPECT_FALSE(entry(sample.url())->row.stored_size);
  }
  auto again = run(scrub.run()).value();  // what is right is read again if a second has begun since
  EXPECT_EQ(again.removed + again.absent + again.unread, 0u);
}

TEST_F(ScrubTest, AfterItADamagedNarIsFetchedAgain) {
  auto& upstream = add_upstream("https://u.example");
  auto bad = keep("bad", 50'000);
  upstream.nar(bad.info.url, {.bytes = bad.file});
  forget_verified(bad);
  flip(bad);
  EXPECT_EQ(done(), "0 1 0 0");
  EXPECT_EQ(run(get(bad.url())).value().bytes, bad.file);
}

// While a file is opened for the nth time (from 1) something else happens.
struct BusyStore : storage::FailingBlobStore {
  using FailingBlobStore::FailingBlobStore;
  Task<std::unique_ptr<storage::Blob>> open(storage::BlobKey key) override {
    CO_TRY(auto blob, co_await FailingBlobStore::open(std::move(key)));
    CO_TRY(co_await meanwhile(++opened));
    co_return std::move(blob);
  }
  std::function<Task<void>(int)> meanwhile;
  int opened = 0;
};

TEST_F(ScrubTest, WhatHasComeAnewWhileTheWrongOneWasReadStays) {
  auto bad = keep("bad", 50'000);
  forget_verified(bad);
  flip(bad);
  auto key = nar_key(bad.url());
  auto path = root.path() / key.str();
  std::filesystem::last_write_time(
      path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  BusyStore busy(*real_store, faults);
  busy.meanwhile = [&](int nth) -> Task<void> {  // it has been opened to be read again
    if (nth == 2) write(key, bad.file);
    co_return Result<void>();
  };
  Scrub other(runtime, deps(busy), {});
  EXPECT_EQ(run(other.run()).value().removed, 0u);
  EXPECT_EQ(read(key), bad.file);
  EXPECT_TRUE(entry(bad.url())->row.stored_size);
}

// As eviction and a DELETE do it: the row first, then the file.
TEST_F(ScrubTest, WhatGoesBetweenThePageAndItsTurnIsNoFault) {
  std::vector<Sample> all;
  for (std::size_t i = 0; i < Scrub::kMostAbsent + 3; ++i) {
    all.push_back(keep("a-" + std::to_string(i)));
    forget_verified(all.back(), i == 0 ? 1 : 2);
  }
  BusyStore busy(*real_store, faults);
  busy.meanwhile = [&](int nth) -> Task<void> {
    for (std::size_t i = 1; nth == 1 && i < all.size(); ++i) {
      auto url = all[i].url();
      CO_TRY(co_await (i % 2 == 0 ? inventory->mark_gone(url)
                                  : real_catalog->uploads().remove_nar(url)));
      std::filesystem::remove(root.path() / nar_key(url).str());
    }
    co_return Result<void>();
  };
  Scrub other(runtime, deps(busy), {});
  auto outcome = run(other.run()).value();
  EXPECT_EQ(outcome.right, 1u);
  EXPECT_EQ(outcome.absent + outcome.removed + outcome.unread, 0u);
}

TEST_F(ScrubTest, WhatWasEvictedAndFetchedAgainMeanwhileIsNotMissed) {
  auto sample = keep("a", 50'000);
  forget_verified(sample);
  auto key = nar_key(sample.url());
  std::filesystem::remove(root.path() / key.str());
  BusyStore busy(*real_store, faults);
  busy.meanwhile = [&](int nth) -> Task<void> {
    if (nth == 1) write(key, sample.file);  // it was not there a moment ago
    co_return Result<void>();
  };
  Scrub other(runtime, deps(busy), {});
  auto outcome = run(other.run()).value();
  EXPECT_EQ(outcome.absent, 0u);
  EXPECT_EQ(outcome.right, 1u);
  EXPECT_EQ(entry(sample.url())->row.stored_size, sample.file.size());
}

TEST_F(ScrubTest, WhatWasDamagedAndWentWhileItWasReadIsNoFault) {
  auto bad = keep("bad", 50'000);
  forget_verified(bad);
  flip(bad);
  BusyStore busy(*real_store, faults);
  busy.meanwhile = [&](int nth) -> Task<void> {
    if (nth != 2) co_return Result<void>();
    CO_TRY(co_await inventory->mark_gone(bad.url()));
    std::filesystem::remove(root.path() / nar_key(bad.url()).str());
    co_return Result<void>();
  };
  Scrub other(runtime, deps(busy), {});
  auto outcome = run(other.run()).value();
  EXPECT_EQ(outcome.absent + outcome.removed + outcome.unread, 0u);
}

TEST_F(ScrubTest, AnUploadWhoseNarIsDamagedOrGoneIsNotPromisedAnyMore) {
  auto bad = keep_upload("bad", 50'000), gone = keep_upload("gone");
  for (const auto& sample : {bad, gone}) forget_verified(sample);
  flip(bad);
  std::filesystem::remove(root.path() / nar_key(gone.url()).str());
  EXPECT_EQ(done(), "0 1 1 0");
  for (const auto& sample : {bad, gone}) expect_withdrawn(sample);
  EXPECT_EQ(forgotten.size(), 2u);
}

// About to write a row, it waits.
struct SlowCatalog : db::FailingCatalog {
  using FailingCatalog::FailingCatalog;
  Task<void> put_narinfo(db::NarInfoRow narinfo, db::NarRow nar) override {
    co_await gate.pass();
    co_return co_await FailingCatalog::put_narinfo(std::move(narinfo), std::move(nar));
  }
  testing::Gate gate;
};

TEST_F(ScrubTest, ARequestThatIsUnderWayDoesNotBringAnUploadBack) {
  auto sample = keep_upload("a");
  ASSERT_TRUE(run(real_catalog->uploads().remove_nar(sample.url())));
  SlowCatalog slow(*real_catalog, faults);
  NarInfoService narinfos(runtime, store, slow, upstreams, *downloads, cpu, live_trust, policy);
  auto asking = std::async(std::launch::async, [&] {
    return run(
        narinfos.find(sample.hash(), Asked::by_head, Deadline::after(std::chrono::minutes(1))));
  });
  ASSERT_TRUE(slow.gate.wait_for(1));  // it has found the files
  put_upload_rows(sample);             // as another instance would
  forget_verified(sample);
  std::filesystem::remove(root.path() / nar_key(sample.url()).str());
  auto with_it = deps();
  with_it.narinfos = &narinfos;
  Scrub other(runtime, with_it, {});
  auto scrubbing = std::async(std::launch::async, [&] { return run(other.run()); });
  // Time for a scrub that waits for nobody, to be seen through.
  scrubbing.wait_for(std::chrono::milliseconds(500));
  slow.gate.open();
  EXPECT_TRUE(asking.get().value());
  EXPECT_EQ(scrubbing.get().value().absent, 1u);
  EXPECT_TRUE(narinfos.stop(Deadline::after(std::chrono::seconds(60))));
  expect_withdrawn(sample);
}

TEST_F(ScrubTest, OfAStoreThatDoesNotAnswerNothingIsNotedAsAbsent) {
  auto gone = keep("gone");
  forget_verified(gone);
  std::filesystem::remove(root.path() / nar_key(gone.url()).str());
  faults.fail_always("check");
  EXPECT_EQ(done(), "0 0 0 1");
  faults.heal();
  EXPECT_TRUE(entry(gone.url())->row.stored_size);
}

TEST_F(ScrubTest, ItEndsWhereOneAfterTheOtherIsAbsent) {
  std::vector<Sample> all;
  for (std::size_t i = 0; i < Scrub::kMostAbsent + 3; ++i) {
    all.push_back(keep("gone-" + std::to_string(i)));
    forget_verified(all.back());
    std::filesystem::remove(root.path() / nar_key(all.back().url()).str());
  }
  EXPECT_EQ(failure_of(run(scrub.run())), ErrorKind::unavailable);
  auto noted = std::ranges::count_if(
      all, [&](const auto& one) { return entry(one.url())->row.stored_size.has_value(); });
  EXPECT_EQ(noted, 3);
}

TEST_F(ScrubTest, WhatCannotBeReadIsLeft) {
  auto a = keep("a", 50'000), b = keep("b", 50'000);
  for (const auto& sample : {a, b}) forget_verified(sample);
  faults.fail_always("open");
  EXPECT_EQ(done(), "0 0 0 2");
  faults.heal();
  EXPECT_TRUE(lies(nar_key(a.url())) && lies(nar_key(b.url())));
  EXPECT_TRUE(entry(a.url())->row.stored_size);
  EXPECT_EQ(done(), "2 0 0 0");
}

TEST_F(ScrubTest, WhatIsWrongAndCannotBeRemovedIsLookedAtAgain) {
  auto bad = keep("bad", 50'000);
  forget_verified(bad);
  flip(bad);
  faults.fail_always("remove");
  EXPECT_EQ(done(), "0 0 0 1");
  faults.heal();
  EXPECT_EQ(done(), "0 1 0 0");
  EXPECT_FALSE(lies(nar_key(bad.url())));
}

TEST_F(ScrubTest, WhatWasVerifiedLongestAgoComesFirst) {
  auto b = keep("b"), a = keep("a");
  forget_verified(a, 1);
  forget_verified(b, 2);
  faults.fail_nth(1);  // the first one that is opened
  EXPECT_EQ(done(), "1 0 0 1");
  EXPECT_LT(entry(a.url())->verified, entry(b.url())->verified);
}

TEST_F(ScrubTest, ItComesAtItsTimesAndEndsWhenItIsTold) {
  auto sample = keep("a", 50'000);
  forget_verified(sample);
  flip(sample);
  Scrub timed(runtime, deps(), {.schedule = CronSchedule::parse("@every 1s", "UTC").value()});
  timed.start();
  auto deadline = Deadline::after(std::chrono::seconds(60));
  while (lies(nar_key(sample.url())) && !deadline.passed()) std::this_thread::yield();
  EXPECT_FALSE(lies(nar_key(sample.url())));
  EXPECT_TRUE(timed.stop(Deadline::after(std::chrono::seconds(60))));
}

// A clock that a test sets, and knows how often somebody has looked at.
struct SetClock {
  std::atomic<long long> seconds = 0;
  std::atomic<int> looks = 0;
  void set(std::chrono::sys_seconds to) { seconds = to.time_since_epoch().count(); }
  bool is_looked_at(int times) {
    auto deadline = Deadline::after(std::chrono::seconds(60));
    for (int before = looks; looks < before + times; std::this_thread::yield())
      if (deadline.passed()) return false;
    return true;
  }
  WallClock clock() {
    return [this] {
      ++looks;
      return std::chrono::sys_seconds(std::chrono::seconds(seconds));
    };
  }
};

TEST_F(ScrubTest, AClockThatWasFarAheadDoesNotKeepItFromItsTimes) {
  using namespace std::chrono;
  auto sample = keep("a", 50'000);
  forget_verified(sample);
  flip(sample);
  SetClock clock;
  clock.set(sys_days(June / 1 / 2040));
  Scrub timed(runtime, deps(),
              {.schedule = CronSchedule::parse("0 3 * * *", "UTC").value(),
               .clock = clock.clock(),
               .nap = milliseconds(1)});
  timed.start();
  ASSERT_TRUE(clock.is_looked_at(3));
  clock.set(sys_days(January / 1 / 2026) + hours(3) - seconds(1));
  ASSERT_TRUE(clock.is_looked_at(3));
  EXPECT_TRUE(lies(nar_key(sample.url()))) << "it is not time yet";
  clock.set(sys_days(January / 1 / 2026) + hours(3));
  auto deadline = Deadline::after(seconds(60));
  while (lies(nar_key(sample.url())) && !deadline.passed()) std::this_thread::yield();
  EXPECT_FALSE(lies(nar_key(sample.url())));
  EXPECT_TRUE(timed.stop(Deadline::after(seconds(60))));
}

TEST_F(ScrubTest, StoppedInTheMiddleOfANarItRemovesNothing) {
  auto bad = keep("bad", 3'000'000);
  forget_verified(bad);
  flip(bad);  // who reads on finds it wrong
  testing::Gate opened;
  BusyStore busy(*real_store, faults);
  busy.meanwhile = [&](int) -> Task<void> {
    co_await opened.pass();
    co_return Result<void>();
  };
  Scrub slow(runtime, deps(busy), {});
  auto running = std::async(std::launch::async, [&] { return run(slow.run()); });
  ASSERT_TRUE(opened.wait_for(1));
  EXPECT_TRUE(slow.stop(Deadline::after(std::chrono::seconds(60))));
  opened.open();
  auto outcome = running.get();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->removed + outcome->absent + outcome->unread, 0u);
  EXPECT_TRUE(lies(nar_key(bad.url())));
  EXPECT_EQ(opened.come(), 1) << "it was read again";
}

TEST_F(CareFixture, WhatIsServedIsCountedByDay) {
  CountLog counts(runtime, *inventory);
  counts.narinfo("memory", true);
  counts.narinfo("hit", true);
  counts.narinfo("miss", true);
  counts.narinfo("miss", false);
  auto url = nix::NarUrl::parse("nar/x.nar").value();
  counts.nar(url, "hit", 100);
  counts.nar(url, "inflight", 10);
  counts.nar(url, "miss", 1);
  counts.start();
  EXPECT_TRUE(counts.stop(Deadline::after(std::chrono::seconds(60))));
  ASSERT_TRUE(run(counts.write()));  // nothing more
  auto served = add_up(run(inventory->counts(2)).value());
  EXPECT_EQ(served.narinfos, 3u);
  EXPECT_EQ(served.narinfo_hits, 2u);
  EXPECT_EQ(served.narinfos_missing, 1u);
  EXPECT_EQ(served.nars, 3u);
  EXPECT_EQ(served.nar_hits, 2u);
  EXPECT_EQ(served.bytes, 111u);
  EXPECT_EQ(served.bytes_saved, 110u);
  EXPECT_EQ(rate(served.narinfo_hits, served.narinfos), 2.0 / 3);
  EXPECT_EQ(rate(0, 0), 0);
}

}  // namespace
}  // namespace ncps::cache
