// Downloads: one per NAR, clients first, within their limits, and how they stop.
#include "cache/downloads.h"

#include <map>
#include <thread>

#include "cache/testing/cache_fixture.h"

namespace ncps::cache {
namespace {

using testing::Gate;
using upstream::FakeNar;

struct DownloadsTest : CacheFixture {
  upstream::FakeUpstream& a = add_upstream("a");

  // Announced at "a", where its answer waits for `answers` and its second byte for `gate`.
  Sample offer(const std::string& name, std::shared_ptr<Gate> gate = {},
               std::shared_ptr<Gate> answers = {}) {
    auto sample = make_sample(name, 30'000);
    a.nar(sample.info.url,
          {.bytes = sample.file, .gate = std::move(gate), .gate_at = 1, .answers = answers});
    return sample;
  }
  testing::Drained all_of(std::shared_ptr<Spool> spool) {
    return run(testing::drain(Spool::read(std::move(spool), 0, {}, Tail::held))).value();
  }
  bool asked_for(const Sample& sample) { return a.asked_for(sample.info.url) > 0; }
};

TEST_F(DownloadsTest, AHundredJoinsCostOneTransfer) {
  auto gate = std::make_shared<Gate>();
  auto sample = offer("one", gate);
  TaskGroup clients;
  std::atomic<int> right = 0;
  auto client = [&]() -> boost::asio::awaitable<void> {
    auto got = co_await get(sample.url());
    right += got && !got->error && got->bytes == sample.file;
  };
  auto job_ = job(sample);
  auto first = downloads->join(job_);
  for (int i = 0; i < 100; ++i) clients.spawn(runtime.next_executor(), "client", client());
  ASSERT_TRUE(gate->wait_for(1));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(downloads->join(job_), first);
  EXPECT_EQ(downloads->find(sample.url()), first);
  gate->open();
  ASSERT_TRUE(clients.join_blocking(Deadline::after(std::chrono::minutes(1))));
  EXPECT_EQ(right, 100);
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(DownloadsTest, OneThatIsRemovedWhileItRunsIsCountedAsThat) {
  metrics::Registry registry;
  auto with = deps();
  with.probe = DownloadProbe(registry);
  Downloads counted(runtime, with, {});
  auto gate = std::make_shared<Gate>();
  auto sample = offer("removed", gate);
  auto spool = counted.join(job(sample));
  ASSERT_TRUE(gate->wait_for(1));
  {
    auto alone = run(counted.exclude(sample.url(), Deadline::after(std::chrono::minutes(1))));
    ASSERT_TRUE(alone);
  }
  gate->open();
  auto got = all_of(spool);
  EXPECT_FALSE(got.error);
  EXPECT_TRUE(got.bytes == sample.file);
  ASSERT_TRUE(counted.stop(Deadline::after(std::chrono::minutes(1))));
  EXPECT_FALSE(at_rest(sample.url()));
  std::map<std::string, double> ended;
  for (const auto& family : registry.picture())
    if (family.name.name == "ncps_downloads_total")
      for (const auto& one : family.samples) ended[one.labels.front().second] = one.value;
  EXPECT_EQ(ended["removed"], 1);
  ended.erase("removed");
  EXPECT_EQ(ended.size(), 7u);
  for (const auto& [result, number] : ended) EXPECT_EQ(number, 0) << result;
}

TEST_F(DownloadsTest, WhoSentWrongBytesIsAskedLastTheNextTime) {
  auto& b = add_upstream("b");
  auto sample = make_sample("rotten", 30'000);
  auto wrong = sample.file;
  wrong[100] ^= 1;
  a.nar(sample.info.url, {.bytes = wrong});
  b.nar(sample.info.url, {.bytes = sample.file});
  EXPECT_TRUE(all_of(downloads->join(job(sample))).error);
  auto again = all_of(downloads->join(job(sample)));
  EXPECT_FALSE(again.error);
  EXPECT_TRUE(again.bytes == sample.file);
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(DownloadsTest, AllReadersLeavingDoesNotEndIt) {
  auto gate = std::make_shared<Gate>();
  auto sample = offer("left", gate);
  {
    auto spool = downloads->join(job(sample));
    auto reader = Spool::read(spool, 0, {}, Tail::held);
    ASSERT_TRUE(gate->wait_for(1));
  }
  gate->open();
  settle();
  EXPECT_TRUE(at_rest(sample.url()));
}

TEST_F(DownloadsTest, WhoWaitsForItsEndFindsItAtRest) {
  auto gate = std::make_shared<Gate>();
  auto sample = offer("ends", gate);
  auto minute = Deadline::after(std::chrono::minutes(1));
  EXPECT_TRUE(run(downloads->ended(sample.url(), minute)));  // none has begun
  downloads->join(job(sample));
  ASSERT_TRUE(gate->wait_for(1));
  auto too_short = run(downloads->ended(sample.url(), Deadline::after({})));
  EXPECT_EQ(failure_of(too_short), ErrorKind::timeout);
  auto waits = std::async(std::launch::async, [&] {
    return run(downloads->ended(sample.url(), minute)) && at_rest(sample.url());
  });
  gate->open();
  EXPECT_TRUE(waits.get());
}

// Its coroutine may still hang on a stalled body.
TEST_F(DownloadsTest, WhoWaitsForItsEndIsWokenWhenAFailedOneIsForgotten) {
  auto gate = std::make_shared<Gate>();
  auto sample = offer("fails", gate);
  auto spool = downloads->join(job(sample));
  ASSERT_TRUE(gate->wait_for(1));
  auto waits = std::async(std::launch::async, [&] {
    return run(downloads->ended(sample.url(), Deadline::after(std::chrono::minutes(1))));
  });
  spool->fail(Error(ErrorKind::corrupt, "wrong"));
  EXPECT_EQ(downloads->find(sample.url()), nullptr);
  EXPECT_TRUE(waits.get());
  gate->open();
}

TEST_F(DownloadsTest, WhatIsAtRestIsAConflictForADownloadAndAHitForClients) {
  auto sample = offer("rest");
  EXPECT_FALSE(outcome(downloads->join(job(sample))));
  settle();
  EXPECT_EQ(outcome(downloads->join(job(sample))).value().kind(), ErrorKind::conflict);
  auto nar = run(nars->open(sample.url(), Deadline::after(std::chrono::minutes(1)))).value();
  EXPECT_EQ(nar.how(), "hit");
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(DownloadsTest, NoMoreRunAtOnceThanAllowed) {
  use_limits({.running = 2, .prefetching = 1, .queued_prefetches = 10});
  auto gate = std::make_shared<Gate>();
  std::vector<Sample> samples;
  std::vector<std::shared_ptr<Spool>> spools;
  for (int i = 0; i < 6; ++i) {
    samples.push_back(offer("limit-" + std::to_string(i), gate));
    spools.push_back(downloads->join(job(samples.back())));
  }
  ASSERT_TRUE(gate->wait_for(2));
  EXPECT_EQ(a.asked(), 2u);
  EXPECT_EQ(spools[2]->view().state, SpoolState::waiting);
  gate->open();
  for (std::size_t i = 0; i < samples.size(); ++i)
    EXPECT_TRUE(all_of(spools[i]).bytes == samples[i].file) << i;
}

// Who asks for very much keeps nobody out, and others come before what he has waiting.
TEST_F(DownloadsTest, OneClientHasHalfOfTheQueueAndOthersGoBeforeIt) {
  use_limits({.running = 2, .prefetching = 1, .queued_clients = 4, .queued_prefetches = 1});
  auto stays = std::make_shared<Gate>(), ends = std::make_shared<Gate>();
  std::vector<std::shared_ptr<Spool>> spools;
  auto greedy = [&](const Sample& sample) {
    spools.push_back(downloads->join(job(sample), "greedy"));
  };
  greedy(offer("stays", stays));
  greedy(offer("ends", ends));
  ASSERT_TRUE(stays->wait_for(1) && ends->wait_for(1));
  for (auto name : {"third", "fourth", "fifth"}) greedy(offer(name));
  EXPECT_EQ(spools.back()->view().failure, ErrorKind::unavailable);
  spools.pop_back();
  auto other = offer("other");
  spools.push_back(downloads->join(job(other), "modest"));
  for (std::size_t i : {2, 3, 4}) EXPECT_EQ(spools[i]->view().state, SpoolState::waiting) << i;
  ends->open();
  EXPECT_FALSE(all_of(spools.back()).error);
  EXPECT_EQ(a.calls().at(2).what, other.info.url);
  stays->open();
  for (const auto& spool : spools) EXPECT_FALSE(all_of(spool).error);
}

TEST_F(DownloadsTest, WhatIsExcludedHoldsNoPlaceAndComesWhenThatIsOver) {
  use_limits({.running = 1, .prefetching = 1, .queued_prefetches = 10});
  auto sent = offer("sent"), removed = offer("removed"), other = offer("other"), pre = offer("pre");
  auto first = downloads->try_exclude(sent.url()), second = downloads->try_exclude(removed.url());
  ASSERT_TRUE(first && second);
  auto waiting = downloads->join(job(sent));
  downloads->prefetch(job(removed));
  EXPECT_FALSE(outcome(downloads->join(job(other))));
  downloads->prefetch(job(pre));
  auto patience = Deadline::after(std::chrono::seconds(60));
  while (!at_rest(pre.url()) && !patience.passed()) std::this_thread::yield();
  EXPECT_TRUE(at_rest(pre.url()));
  EXPECT_FALSE(asked_for(sent) || asked_for(removed));
  first.reset();
  EXPECT_FALSE(outcome(waiting));
  second.reset();
  while (!at_rest(removed.url()) && !patience.passed()) std::this_thread::yield();
  EXPECT_TRUE(at_rest(removed.url()));
}

TEST_F(DownloadsTest, PrefetchesTakeOnlyTheirShareAndTheirQueueIsBounded) {
  use_limits({.running = 4, .prefetching = 1, .queued_prefetches = 2});
  auto gate = std::make_shared<Gate>();
  std::vector<Sample> samples;
  for (int i = 0; i < 5; ++i) {
    samples.push_back(offer("pre-" + std::to_string(i), gate));
    downloads->prefetch(job(samples.back()));
    if (i == 0) ASSERT_TRUE(gate->wait_for(1));  // it runs; the others queue
  }
  EXPECT_EQ(a.asked(), 1u);
  auto client = offer("client", gate);
  auto spool = downloads->join(job(client));  // there is room for a client
  ASSERT_TRUE(gate->wait_for(2));
  EXPECT_TRUE(asked_for(client));
  EXPECT_EQ(a.asked(), 2u);
  gate->open();
  all_of(spool);
  // The queue is worked off one by one: the first three end, the two that did not fit never begin.
  for (int i = 0; i < 3; ++i) {
    auto under_way = downloads->find(samples[i].url());
    if (under_way) all_of(under_way);
  }
  settle();
  EXPECT_TRUE(at_rest(samples[0].url()) && at_rest(samples[1].url()) && at_rest(samples[2].url()));
  EXPECT_FALSE(asked_for(samples[3]) || asked_for(samples[4]));
}

TEST_F(DownloadsTest, AClientsDownloadGoesBeforePrefetchesAndPromotesItsOwn) {
  use_limits({.running = 1, .prefetching = 1, .queued_prefetches = 10});
  auto busy = std::make_shared<Gate>();
  auto first = offer("busy", busy);
  auto running = downloads->join(job(first));
  ASSERT_TRUE(busy->wait_for(1));
  auto one = offer("pre-1"), two = offer("pre-2"), three = offer("pre-3");
  for (auto* sample : {&one, &two, &three}) downloads->prefetch(job(*sample));
  auto client = offer("client");
  auto joined = downloads->join(job(client));
  auto promoted = downloads->find(three.url());  // by a client, too, but later
  ASSERT_TRUE(promoted);
  EXPECT_EQ(downloads->join(job(three)), promoted);
  busy->open();
  all_of(joined);
  all_of(promoted);
  if (auto under_way = downloads->find(one.url())) all_of(under_way);
  if (auto under_way = downloads->find(two.url())) all_of(under_way);
  settle();
  std::vector<std::string> order, wanted;
  for (const auto& call : a.calls()) order.push_back(call.what);
  ASSERT_EQ(order.size(), 5u);
  wanted = {first.info.url, client.info.url, three.info.url};
  EXPECT_EQ(std::vector(order.begin(), order.begin() + 3), wanted);
}

TEST_F(DownloadsTest, StopFailsWhatWaitsAndWaitsForWhatRuns) {
  use_limits({.running = 1, .prefetching = 1, .queued_prefetches = 10});
  auto gate = std::make_shared<Gate>();
  auto runs = offer("runs", gate), waits = offer("waits"), pre = offer("pre");
  auto running = downloads->join(job(runs));
  ASSERT_TRUE(gate->wait_for(1));
  auto waiting = downloads->join(job(waits));
  downloads->prefetch(job(pre));
  EXPECT_FALSE(downloads->stop(Deadline::after(std::chrono::seconds(0))));  // it still runs
  EXPECT_EQ(outcome(waiting).value().kind(), ErrorKind::unavailable);
  EXPECT_EQ(downloads->find(pre.url()), nullptr);
  EXPECT_EQ(outcome(downloads->join(job(pre))).value().kind(), ErrorKind::unavailable);
  downloads->prefetch(job(pre));
  auto stopped = std::async(std::launch::async, [&] { return downloads->stop(Deadline::never()); });
  gate->open();
  EXPECT_TRUE(stopped.get());
  EXPECT_EQ(running->view().state, SpoolState::complete);
  EXPECT_TRUE(at_rest(runs.url()));
  EXPECT_FALSE(asked_for(waits) || asked_for(pre));
}

TEST_F(DownloadsTest, WhoWaitsForATurnIsNotToldThatTheUpstreamIsSilent) {
  use_limits({.running = 1, .prefetching = 1, .queued_prefetches = 10});
  auto answers = std::make_shared<Gate>();
  auto first = offer("first", {}, answers), second = offer("second");
  auto running = downloads->join(job(first)), waiting = downloads->join(job(second));
  ASSERT_TRUE(answers->wait_for(1));
  auto at_once = Deadline::after(std::chrono::seconds(0));
  EXPECT_EQ(failure_of(run(running->started(at_once))), ErrorKind::timeout);
  EXPECT_EQ(failure_of(run(waiting->started(at_once))), ErrorKind::unavailable);
  answers->open();
  EXPECT_FALSE(outcome(waiting));
}

TEST_F(DownloadsTest, FailuresGiveTheirPlaceBack) {
  use_limits({.running = 2, .prefetching = 2, .queued_prefetches = 100});
  for (int i = 0; i < 20; ++i) {
    auto missing = make_sample("missing-" + std::to_string(i), 10);
    downloads->prefetch(job(missing));
    EXPECT_TRUE(outcome(downloads->join(job(missing))));
  }
  auto sample = offer("good");
  downloads->prefetch(job(sample));
  EXPECT_FALSE(outcome(downloads->join(job(sample))));
}

TEST_F(DownloadsTest, RacesOfFindJoinAndFinishAlwaysEndWithTheRightBytes) {
  std::vector<Sample> samples;
  for (int i = 0; i < 4; ++i) samples.push_back(offer("race-" + std::to_string(i)));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        const auto& sample = samples[(i + t) % samples.size()];
        if (i % 7 == 0) downloads->prefetch(job(sample));
        auto got = run(get(sample.url()));
        wrong += !got || got->error || got->bytes != sample.file;
        if (i % 5 == t) wrong += !run(store.remove(nar_key(sample.url())));  // evicted
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  settle();
  EXPECT_TRUE(nothing_temporary());
}

TEST_F(DownloadsTest, NothingRunsAnyMoreOnceStopHasSaidSo) {
  auto sample = offer("stop");
  auto unknown = make_sample("unknown", 10);
  for (int round = 0; round < 50; ++round) {
    std::atomic<bool> go = false;
    std::vector<std::shared_ptr<Spool>> spools(4);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < spools.size(); ++t)
      threads.emplace_back([&, t] {
        while (!go) std::this_thread::yield();
        spools[t] = downloads->join(job(t % 2 ? sample : unknown));
      });
    go = true;
    ASSERT_TRUE(downloads->stop(Deadline::never()));
    for (auto& thread : threads) thread.join();
    for (auto& spool : spools) {
      auto state = spool->view().state;
      EXPECT_TRUE(state == SpoolState::complete || state == SpoolState::failed);
    }
    settle();
  }
}

}  // namespace
}  // namespace ncps::cache
