// The limit is held when something is to be kept; a full disk; who waits.
#include "cache/space.h"

#include "cache/nar_upload.h"
#include "cache/testing/eviction_fixture.h"
#include "cache/testing/plain_sample.h"
#include "cache/testing/upload_fixture.h"

namespace ncps::cache {
namespace {

struct SpaceTest : EvictionFixture {
  static std::uint64_t size_of(const Sample& sample) {
    return sample.file.size() + Evictor::kNarInfoBytes;
  }
};

TEST_F(SpaceTest, TheLimitIsHeldWhenItIsStoredAndOldOnesMakeRoom) {
  constexpr std::uint64_t kLimit = 100'000;
  limit(max(kLimit));
  evictor->start();
  std::vector<Sample> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(kept_since(i, "path-" + std::to_string(i), 20'000));
    EXPECT_LE(bytes_in_store(), kLimit);
    EXPECT_TRUE(here(all.back())) << i;
  }
  EXPECT_TRUE(gone(all[0]));
}

// Counts what is kept in the very moment before a NAR is noted as stored.
struct CountedTooEarly final : db::FailingCatalog {
  CountedTooEarly(db::Catalog& inner, testing::FaultPlan& plan, Space& space)
      : FailingCatalog(inner, plan), space_(space) {}
  Task<void> mark_stored(nix::NarUrl url, std::uint64_t size, std::uint64_t fence) override {
    count();
    co_return co_await FailingCatalog::mark_stored(std::move(url), size, fence);
  }
  Task<void> put_nar(db::NarRow nar) override {
    count();
    co_return co_await FailingCatalog::put_nar(std::move(nar));
  }
  void count() {
    space_.begin_round();
    space_.measured(0);
    space_.end_round(true);
  }
  Space& space_;
};

TEST_F(SpaceTest, WhatIsStoredAndNotYetNotedIsForgottenByNoCount) {
  limit(max(1'000'000));
  CountedTooEarly early(*real_catalog, faults, space);
  early.count();
  auto sample = offered("fetched");
  {
    DownloadDeps deps{.store = store,
                      .catalog = early,
                      .disk = disk,
                      .cpu = cpu,
                      .policy = quick_policy(),
                      .space = &space};
    Downloads own(runtime, deps, {});
    NarService service(store, early, upstreams, own);
    auto row = sample.row("a");
    ASSERT_TRUE(run(real_catalog->put_narinfo(
        {.hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = row.url}, row)));
    auto nar = run(service.open(sample.url(), Deadline::after(std::chrono::minutes(1))));
    ASSERT_TRUE(nar);
    EXPECT_TRUE(run(testing::drain(nar->read(0, nar->size()))));
    EXPECT_TRUE(own.stop(Deadline::after(std::chrono::minutes(1))));
  }
  EXPECT_TRUE(here(sample));
  EXPECT_GE(space.kept().value(), sample.file.size());

  auto sent = make_sample("sent");
  NarUploads uploads({.store = store,
                      .catalog = early,
                      .downloads = *downloads,
                      .locks = locks,
                      .disk = disk,
                      .cpu = cpu,
                      .space = &space});
  TextBody body(sent.file);
  EXPECT_TRUE(run(uploads.put(sent.url(), body, sent.file.size())));
  EXPECT_TRUE(here(sent));
  EXPECT_GE(space.kept().value(), sent.file.size());
}

TEST_F(SpaceTest, ManyAtOnceNeverGoBeyondIt) {
  constexpr std::uint64_t kLimit = 200'000;
  limit(max(kLimit));
  evictor->start();
  std::vector<Sample> all;
  for (int i = 0; i < 40; ++i) all.push_back(offered("path-" + std::to_string(i), 20'000));
  TaskGroup clients;
  std::atomic<int> right = 0;
  std::atomic<std::uint64_t> most = 0;
  auto client = [&](const Sample& sample) -> boost::asio::awaitable<void> {
    auto found = co_await service->find(sample.hash(), Asked::by_get,
                                        Deadline::after(std::chrono::minutes(1)));
    auto got = co_await get(sample.url());
    right += found && *found && got && got->bytes == sample.file;
  };
  for (const auto& sample : all) clients.spawn(runtime.next_executor(), "client", client(sample));
  while (!clients.join_blocking(Deadline::after(std::chrono::milliseconds(1))))
    most = std::max<std::uint64_t>(most, bytes_in_store());
  for (const auto& sample : all) wait_stored(sample);
  EXPECT_EQ(right, 40);
  EXPECT_LE(most, kLimit);
  EXPECT_LE(bytes_in_store(), kLimit);
  EXPECT_GT(bytes_in_store(), 0u);
}

TEST_F(SpaceTest, WhatIsLargerThanTheLimitIsServedAndNotKeptAndPushesNothingOut) {
  auto small = kept_since(1, "small");
  limit(max(50'000));
  evictor->start();
  auto large = offered("large", 100'000);
  auto got = run(get(large.url()));
  ASSERT_TRUE(find(large).value());
  got = run(get(large.url()));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->bytes, large.file);
  wait_stored(large);
  EXPECT_FALSE(here(large));
  EXPECT_TRUE(here(small));
  EXPECT_TRUE(nothing_temporary());
}

TEST_F(SpaceTest, WithEverythingPinnedNewOnesAreServedAndNotKept) {
  auto pinned = kept_since(1, "pinned", 20'000);
  ASSERT_TRUE(run(database.pins->add({.hash = pinned.hash(), .store_path = ""})));
  limit(max(30'000));
  evictor->start();
  for (int i = 0; i < 3; ++i) {
    auto other = offered("other-" + std::to_string(i), 20'000);
    ASSERT_TRUE(find(other).value());
    auto got = run(get(other.url()));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->bytes, other.file);
    wait_stored(other);
    EXPECT_FALSE(here(other));
  }
  EXPECT_TRUE(here(pinned));
}

TEST_F(SpaceTest, TooLittleFreeMakesTheOldestGo) {
  std::vector<Sample> all;
  for (int i = 0; i < 5; ++i) all.push_back(kept_since(i, "path-" + std::to_string(i)));
  disk_says.with([](auto& disk) { disk = storage::FreeSpace{.free = 999, .capacity = 10'000}; });
  limit({.max_size = 0, .min_free = {.bytes = 1'000, .percent = 0}});
  EXPECT_GE(round().nars, 1u);
  EXPECT_TRUE(gone(all[0]));
  EXPECT_TRUE(here(all[4]));
}

TEST_F(SpaceTest, NothingIsLargerThanTheLimitOrThanTheDiskWithoutWhatStaysFree) {
  auto largest = [&] { return run(space.largest()).value(); };
  EXPECT_EQ(largest(), std::numeric_limits<std::uint64_t>::max());
  disk_says.with([](auto& disk) { disk = storage::FreeSpace{.free = 10, .capacity = 10'000}; });
  EXPECT_EQ(largest(), 10'000u);
  limit({.max_size = 0, .min_free = {.bytes = 0, .percent = 30}});
  EXPECT_EQ(largest(), 7'000u);
  limit({.max_size = 5'000, .min_free = {.bytes = 1'000, .percent = 0}});
  EXPECT_EQ(largest(), 5'000u);
  disk_says.with([](auto& disk) { disk = storage::FreeSpace{.free = 0, .capacity = 0}; });
  EXPECT_EQ(largest(), 5'000u);
}

TEST_F(SpaceTest, WhoWaitsWhenItStopsWaitsNoLonger) {
  limit(max(10));
  auto waiting = std::async(std::launch::async, [&] { return run(space.reserve(5)); });
  auto asked = run(space.wanted(Deadline::after(std::chrono::minutes(1))));
  EXPECT_TRUE(asked.value());
  space.stop();
  EXPECT_EQ(failure_of(waiting.get()), ErrorKind::unavailable);
}

// A full disk, and nothing to evict: the bytes go from the upstream to the client.
TEST_F(SpaceTest, OnAFullDiskNarsArePassedThroughVerified) {
  auto sample = offered("hello", 300'000);
  ASSERT_TRUE(find(sample).value());
  limit({});
  evictor->start();
  disk_says.with([](auto& disk) { disk = storage::FreeSpace{.free = 10, .capacity = 10'000}; });
  auto got = run(get(sample.url()));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->bytes, sample.file);
  EXPECT_FALSE(got->error);
  EXPECT_FALSE(here(sample));

  auto wrong = offered("wrong", 300'000);
  ASSERT_TRUE(find(wrong).value());
  auto bytes = wrong.file;
  bytes.back() ^= 1;
  a.nar(wrong.info.url, {.bytes = bytes});
  got = run(get(wrong.url()));
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->error) << "wrong bytes end in an error";
  EXPECT_LT(got->bytes.size(), bytes.size());

  disk_says.with([](auto& disk) { disk.reset(); });
  got = run(get(sample.url()));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->bytes, sample.file);
  wait_stored(sample);
  EXPECT_TRUE(here(sample));
}

TEST_F(SpaceTest, WhileNobodyKnowsWhetherThereWillBeRoomAClientGetsItsBytesInTime) {
  auto sample = offered("hello", 100'000);
  ASSERT_TRUE(find(sample).value());
  disk_says.with([](auto& disk) { disk = storage::FreeSpace{.free = 10, .capacity = 10'000}; });
  // No round ever ends.
  auto deadline = Deadline::after(std::chrono::seconds(8));
  auto nar = run(nars->open(sample.url(), deadline));
  ASSERT_TRUE(nar);
  EXPECT_FALSE(deadline.passed()) << "no upstream answers whose time is up";
  EXPECT_EQ(run(testing::drain(nar->read(0, nar->size()))).value().bytes, sample.file);
}

TEST_F(SpaceTest, APartIsPassedThroughToo) {
  auto sample = offered("hello", 100'000);
  ASSERT_TRUE(find(sample).value());
  disk_says.with([](auto& disk) { disk = storage::FreeSpace{.free = 10, .capacity = 10'000}; });
  evictor->start();
  auto nar = run(nars->open(sample.url(), Deadline::after(std::chrono::minutes(1))));
  ASSERT_TRUE(nar);
  ASSERT_EQ(nar->size(), sample.file.size());
  auto part = run(testing::drain(nar->read(50'000, 1'000)));
  ASSERT_TRUE(part);
  EXPECT_EQ(part->bytes, sample.file.substr(50'000, 1'000));
}

// Its own bytes may be right: nobody knows before the whole has been looked at.
TEST_F(SpaceTest, APartOfAWrongNarDoesNotEndCleanly) {
  auto sample = offered("hello", 100'000);
  ASSERT_TRUE(find(sample).value());
  auto bytes = sample.file;
  bytes.back() ^= 1;
  a.nar(sample.info.url, {.bytes = bytes});
  disk_says.with([](auto& disk) { disk = storage::FreeSpace{.free = 10, .capacity = 10'000}; });
  evictor->start();
  auto nar = run(nars->open(sample.url(), Deadline::after(std::chrono::minutes(1))));
  ASSERT_TRUE(nar);
  auto part = run(testing::drain(nar->read(5'000, 1'000)));
  ASSERT_TRUE(part);
  EXPECT_TRUE(part->error);
}

TEST_F(SpaceTest, WhatIsOfAnotherLengthThanAnnouncedIsNotPassedThrough) {
  auto sample = offered("hello", 100'000);
  ASSERT_TRUE(find(sample).value());
  disk_says.with([](auto& disk) { disk = storage::FreeSpace{.free = 10, .capacity = 10'000}; });
  evictor->start();
  for (const auto& bytes : {std::string(), sample.file + "x"}) {
    a.nar(sample.info.url, {.bytes = bytes});
    auto nar = run(nars->open(sample.url(), Deadline::after(std::chrono::minutes(1))));
    EXPECT_EQ(failure_of(nar), ErrorKind::upstream) << bytes.size();
  }
}

// What we compress: nobody waits for a length that only its end tells.
TEST_F(SpaceTest, OfWhatIsPassedThroughTheLengthMayStayUnknown) {
  auto sample = plain_sample("hello");
  auto row = plain_row(sample, "a");
  ASSERT_TRUE(run(real_catalog->put_narinfo(
      {.hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = row.url}, row)));
  a.nar(sample.info.url, {.bytes = sample.nar});
  disk_says.with([](auto& disk) { disk = storage::FreeSpace{.free = 10, .capacity = 10'000}; });
  evictor->start();
  auto nar = run(nars->open(row.url, Deadline::after(std::chrono::minutes(1))));
  ASSERT_TRUE(nar);
  EXPECT_TRUE(run(nar->wait_for_size(Deadline::after(std::chrono::minutes(1)))));
  EXPECT_FALSE(nar->size());
  auto all = run(testing::drain(nar->read(0, nar->size()))).value();
  EXPECT_FALSE(all.error);
  EXPECT_TRUE(unzstd(all.bytes) == sample.nar);
}

}  // namespace
}  // namespace ncps::cache
