#include "cache/download_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace ncps::cache {
namespace {

using EntryPtr = DownloadQueue::EntryPtr;
using Admission = DownloadQueue::Admission;

nix::NarUrl url(int number) {
  return nix::NarUrl::parse("nar/" + std::to_string(number) + ".nar.xz").value();
}

EntryPtr made(int number, Wanted wanted, std::string from = {}) {
  return std::make_shared<DownloadQueue::Entry>(
      DownloadQueue::Entry{.job = {.url = url(number), .expected = {}, .sources = {}},
                           .wanted = wanted,
                           .from = std::move(from)});
}

// Puts it into the queue, where there must be room for it.
EntryPtr client(DownloadQueue& queue, int number, std::string from = {}) {
  auto entry = made(number, Wanted::by_client, std::move(from));
  EXPECT_EQ(queue.add(entry), Admission::queued) << number;
  return entry;
}
EntryPtr prefetch(DownloadQueue& queue, int number) {
  auto entry = made(number, Wanted::by_nobody);
  EXPECT_EQ(queue.add(entry), Admission::queued) << number;
  return entry;
}

TEST(DownloadQueue, ClientsGoBeforePrefetchesAndBothInTheOrderOfTheirComing) {
  DownloadQueue queue({});
  auto p1 = prefetch(queue, 1), p2 = prefetch(queue, 2);
  auto c1 = client(queue, 3), c2 = client(queue, 4);
  EXPECT_EQ(queue.waiting_clients(), 2u);
  EXPECT_EQ(queue.waiting_prefetches(), 2u);
  std::vector<EntryPtr> order{c1, c2, p1, p2};
  for (const auto& next : order) {
    EXPECT_EQ(queue.take_next(), next);
    EXPECT_TRUE(next->running);
  }
  EXPECT_EQ(queue.take_next(), nullptr);
  EXPECT_EQ(queue.running(), order);
  EXPECT_EQ(queue.waiting_clients() + queue.waiting_prefetches(), 0u);
}

TEST(DownloadQueue, NoMoreRunThanAllowedAndWhatEndsGivesItsPlaceBack) {
  DownloadQueue queue({.running = 2, .prefetching = 1});
  for (int n = 1; n <= 3; ++n) client(queue, n);
  auto first = queue.take_next(), second = queue.take_next();
  EXPECT_EQ(queue.take_next(), nullptr);
  queue.end(first);
  EXPECT_EQ(queue.find(url(1)), nullptr);
  EXPECT_EQ(queue.find(url(2)), second);
  EXPECT_EQ(queue.take_next(), queue.find(url(3)));
  EXPECT_EQ(queue.take_next(), nullptr);
}

TEST(DownloadQueue, PrefetchesLeavePlacesForClients) {
  DownloadQueue queue({.running = 3, .prefetching = 1});
  prefetch(queue, 1), prefetch(queue, 2);
  auto first = queue.take_next();
  EXPECT_EQ(queue.take_next(), nullptr);
  auto later = client(queue, 3);
  EXPECT_EQ(queue.take_next(), later);
  queue.end(later);
  EXPECT_EQ(queue.take_next(), nullptr) << "a client's end is no prefetch's";
  queue.end(first);
  EXPECT_EQ(queue.take_next(), queue.find(url(2)));
}

TEST(DownloadQueue, WhoeverHasTheFewestRunningComesNext) {
  DownloadQueue queue({});
  auto greedy1 = client(queue, 1, "greedy"), greedy2 = client(queue, 2, "greedy");
  auto greedy3 = client(queue, 3, "greedy"), other = client(queue, 4, "other");
  auto last = client(queue, 5, "last");
  for (const auto& next : {greedy1, other, last, greedy2}) EXPECT_EQ(queue.take_next(), next);
  auto second = client(queue, 6, "other");
  EXPECT_EQ(queue.take_next(), second) << "one runs for it, and two for who came first";
  auto third = client(queue, 7, "other");
  EXPECT_EQ(queue.take_next(), greedy3) << "as many run: who came first";
  queue.end(other);
  queue.end(second);
  EXPECT_EQ(queue.take_next(), third);
}

TEST(DownloadQueue, WhoHasNoAddressIsNotCounted) {
  DownloadQueue queue({.queued_clients = 3});
  auto known = client(queue, 1, "known");
  EXPECT_EQ(queue.take_next(), known);
  auto next = client(queue, 2, "known");
  auto one = client(queue, 3), two = client(queue, 4);
  for (const auto& expected : {one, two, next}) EXPECT_EQ(queue.take_next(), expected);
}

TEST(DownloadQueue, OneAddressWaitsInHalfOfTheQueueAndAllTogetherInTheWhole) {
  DownloadQueue queue({.running = 1, .queued_clients = 4});
  client(queue, 1, "greedy");
  EXPECT_TRUE(queue.take_next());  // what runs is not in the queue
  client(queue, 2, "greedy"), client(queue, 3, "greedy");
  auto refused = made(4, Wanted::by_client, "greedy");
  EXPECT_EQ(queue.add(refused), Admission::full);
  EXPECT_EQ(queue.find(url(4)), nullptr);
  client(queue, 5, "other"), client(queue, 6);
  for (const auto* from : {"", "third"})
    EXPECT_EQ(queue.add(made(7, Wanted::by_client, from)), Admission::full) << from;
  EXPECT_EQ(queue.waiting_clients(), 4u);
}

TEST(DownloadQueue, AShareIsOneAtLeast) {
  DownloadQueue queue({.queued_clients = 1});
  client(queue, 1, "one");
  DownloadQueue none({.queued_clients = 0, .queued_prefetches = 0});
  EXPECT_EQ(none.add(made(1, Wanted::by_client, "one")), Admission::full);
  EXPECT_EQ(none.add(made(1, Wanted::by_nobody)), Admission::full);
}

TEST(DownloadQueue, APrefetchThatAClientWantsGoesBehindTheClientsThatWait) {
  DownloadQueue queue({.queued_clients = 1, .queued_prefetches = 2});
  auto p1 = prefetch(queue, 1), p2 = prefetch(queue, 2), c = client(queue, 3);
  EXPECT_EQ(queue.find(url(2)), p2);
  EXPECT_EQ(p2->wanted, Wanted::by_nobody) << "who only looks wants nothing";
  for (int again = 0; again < 3; ++again) EXPECT_EQ(queue.find_for_client(url(2)), p2);
  EXPECT_EQ(p2->wanted, Wanted::by_client);
  EXPECT_EQ(queue.waiting_clients(), 2u) << "one more than are let in";
  EXPECT_EQ(queue.waiting_prefetches(), 1u);
  EXPECT_EQ(queue.find_for_client(url(4)), nullptr);
  for (const auto& next : {c, p2, p1}) EXPECT_EQ(queue.take_next(), next);
}

TEST(DownloadQueue, APrefetchThatRunsStaysOne) {
  DownloadQueue queue({.prefetching = 1});
  auto running = prefetch(queue, 1);
  prefetch(queue, 2);
  EXPECT_EQ(queue.take_next(), running);
  EXPECT_EQ(queue.find_for_client(url(1)), running);
  EXPECT_EQ(running->wanted, Wanted::by_nobody);
  EXPECT_EQ(queue.waiting_clients(), 0u);
  EXPECT_EQ(queue.take_next(), nullptr);
  queue.end(running);
  EXPECT_TRUE(queue.take_next());
}

TEST(DownloadQueue, WhatIsExcludedWaitsAndHoldsNobodyUp) {
  DownloadQueue queue({.running = 2});
  EXPECT_TRUE(queue.exclude(url(1)));
  EXPECT_TRUE(queue.exclude(url(2)));
  EXPECT_FALSE(queue.exclude(url(1))) << "twice";
  auto c1 = client(queue, 1, "idle"), p2 = prefetch(queue, 2);
  EXPECT_EQ(queue.take_next(), nullptr);
  auto c3 = client(queue, 3, "busy"), p4 = prefetch(queue, 4);
  EXPECT_FALSE(queue.exclude(url(3))) << "it waits";
  EXPECT_EQ(queue.take_next(), c3);
  EXPECT_FALSE(queue.exclude(url(3))) << "it runs";
  EXPECT_EQ(queue.take_next(), p4);
  queue.end(p4);
  queue.include(url(2));
  EXPECT_EQ(queue.take_next(), p2);
  queue.end(c3);
  EXPECT_TRUE(queue.exclude(url(3)));
  EXPECT_EQ(queue.take_next(), nullptr);
  queue.include(url(1));
  EXPECT_EQ(queue.take_next(), c1);
}

TEST(DownloadQueue, WhatIsForgottenAndRunsKeepsItsPlaceAndIsNotTakenForTheNewOne) {
  DownloadQueue queue({.running = 1});
  auto old = client(queue, 1);
  EXPECT_EQ(queue.take_next(), old);
  queue.forget(old);
  EXPECT_EQ(queue.find(url(1)), nullptr);
  auto fresh = client(queue, 1);
  EXPECT_EQ(queue.take_next(), nullptr) << "the old one has the place";
  queue.forget(old);
  EXPECT_EQ(queue.find(url(1)), fresh);
  queue.end(old);
  EXPECT_EQ(queue.find(url(1)), fresh);
  EXPECT_EQ(queue.take_next(), fresh);
}

TEST(DownloadQueue, WhatIsForgottenAndWaitsComesForItsClientsAndNotForNobody) {
  DownloadQueue queue({});
  auto c = client(queue, 1), p = prefetch(queue, 2), promoted = prefetch(queue, 3);
  queue.find_for_client(url(3));
  for (const auto& entry : {c, p, promoted}) queue.forget(entry);
  EXPECT_EQ(queue.waiting_prefetches(), 0u);
  for (int n = 1; n <= 3; ++n) EXPECT_EQ(queue.find_for_client(url(n)), nullptr);
  EXPECT_TRUE(queue.exclude(url(1)));
  EXPECT_EQ(queue.take_next(), promoted);
  queue.include(url(1));
  EXPECT_EQ(queue.take_next(), c);
  EXPECT_EQ(queue.take_next(), nullptr);
}

TEST(DownloadQueue, AfterStopNothingBeginsAndWhatRunsStays) {
  DownloadQueue queue({.running = 1});
  auto running = client(queue, 1), p = prefetch(queue, 2), c = client(queue, 3);
  auto forgotten = client(queue, 4);
  queue.forget(forgotten);
  EXPECT_EQ(queue.take_next(), running);
  EXPECT_EQ(queue.stop(), (std::vector{c, forgotten, p}));
  EXPECT_EQ(queue.find(url(1)), running);
  for (int n = 2; n <= 4; ++n) EXPECT_EQ(queue.find(url(n)), nullptr) << n;
  EXPECT_EQ(queue.add(made(5, Wanted::by_client)), Admission::stopped);
  EXPECT_EQ(queue.add(made(5, Wanted::by_nobody)), Admission::stopped);
  queue.end(running);
  EXPECT_EQ(queue.take_next(), nullptr);
  EXPECT_TRUE(queue.running().empty());
  EXPECT_TRUE(queue.stop().empty());
}

// The same said as plainly as can be, whatever it costs.
class Model {
 public:
  explicit Model(DownloadLimits limits) : limits_(limits) {}

  EntryPtr find(const nix::NarUrl& url) const {
    return known_.contains(url) ? known_.at(url) : nullptr;
  }
  EntryPtr find_for_client(const nix::NarUrl& url) {
    auto entry = find(url);
    if (std::erase(prefetches, entry) > 0) clients.push_back(entry);
    return entry;
  }
  Admission add(const EntryPtr& entry) {
    bool for_nobody = entry->wanted == Wanted::by_nobody;
    if (for_nobody ? prefetches.size() >= limits_.queued_prefetches
                   : clients.size() >= limits_.queued_clients ||
                         of(clients, entry->from) >= limits_.queued_clients / 2)
      return Admission::full;
    (for_nobody ? prefetches : clients).push_back(entry);
    known_[entry->job.url] = entry;
    return Admission::queued;
  }
  EntryPtr take_next() {
    if (running.size() >= limits_.running) return nullptr;
    auto some = may(clients);
    auto fewest = [&](const auto& entry) { return of(running, entry->from); };
    if (some.empty() && prefetching_.size() < limits_.prefetching) some = may(prefetches);
    if (some.empty()) return nullptr;
    auto next = *std::ranges::min_element(some, {}, fewest);  // the first of equal ones
    std::erase(clients, next);
    if (std::erase(prefetches, next) > 0) prefetching_.insert(next);
    return running.emplace_back(next);
  }
  void forget(const EntryPtr& entry) {
    if (find(entry->job.url) == entry) known_.erase(entry->job.url);
    std::erase(prefetches, entry);
  }
  void end(const EntryPtr& entry) {
    forget(entry);
    std::erase(running, entry);
    prefetching_.erase(entry);
  }
  bool exclude(const nix::NarUrl& url) { return !find(url) && excluded_.insert(url).second; }
  bool include(const nix::NarUrl& url) { return excluded_.erase(url) > 0; }

  std::vector<EntryPtr> clients, prefetches, running;

 private:
  static std::size_t of(const std::vector<EntryPtr>& list, const std::string& from) {
    auto has = [&](const auto& entry) { return !from.empty() && entry->from == from; };
    return static_cast<std::size_t>(std::ranges::count_if(list, has));
  }
  std::vector<EntryPtr> may(std::vector<EntryPtr> list) const {
    std::erase_if(list, [&](const auto& entry) { return excluded_.contains(entry->job.url); });
    return list;
  }

  DownloadLimits limits_;
  std::map<nix::NarUrl, EntryPtr> known_;
  std::set<nix::NarUrl> excluded_;
  std::set<EntryPtr> prefetching_;
};

TEST(DownloadQueue, WhateverComesItDoesAsTheModelDoes) {
  constexpr int kUrls = 24;
  std::map<std::string, int> seen;  // that no step was idle for want of luck
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    auto below = [&](std::size_t n) { return random() % n; };
    DownloadLimits limits{.running = 1 + below(6),
                          .prefetching = below(4),
                          .queued_clients = 2 + below(8),
                          .queued_prefetches = below(6)};
    DownloadQueue queue(limits);
    Model model(limits);
    for (int step = 0; step < 1'500; ++step) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(step));
      auto number = static_cast<int>(below(kUrls));
      auto asked = url(number);
      auto there = model.find(asked);
      ASSERT_EQ(queue.find(asked), there);
      auto dice = below(12);
      if (dice < 3 && there) {
        bool waits = std::ranges::count(model.prefetches, there) > 0;
        ASSERT_EQ(queue.find_for_client(asked), model.find_for_client(asked));
        ++seen[waits ? "promoted" : "joined"];
      } else if (dice < 3) {
        static constexpr const char* kFrom[] = {"", "a", "b", "c"};
        auto entry = below(2) == 0 ? made(number, Wanted::by_nobody)
                                   : made(number, Wanted::by_client, kFrom[below(4)]);
        auto admission = model.add(entry);
        ASSERT_EQ(queue.add(entry), admission);
        ++seen[admission == Admission::full ? "refused" : "added"];
      } else if (dice < 6) {
        auto next = model.take_next();
        ASSERT_EQ(queue.take_next(), next);
        ++seen[next ? "began" : "nothing began"];
      } else if (dice < 8 && !model.running.empty()) {
        auto ending = model.running[below(model.running.size())];
        queue.end(ending), model.end(ending);
        ++seen["ended"];
      } else if (dice < 9) {
        bool ours = model.exclude(asked);
        ASSERT_EQ(queue.exclude(asked), ours);
        ++seen[ours ? "excluded" : "not excluded"];
      } else if (dice < 11) {
        queue.include(asked);
        if (model.include(asked)) ++seen["included"];
      } else if (there) {
        queue.forget(there), model.forget(there);
        ++seen["forgotten"];
      }
      ASSERT_EQ(queue.running(), model.running);
      ASSERT_EQ(queue.waiting_clients(), model.clients.size());
      ASSERT_EQ(queue.waiting_prefetches(), model.prefetches.size());
    }
    auto waited = model.clients;
    waited.insert(waited.end(), model.prefetches.begin(), model.prefetches.end());
    EXPECT_EQ(queue.stop(), waited);
    for (const auto& entry : model.running) queue.end(entry);
    EXPECT_TRUE(queue.running().empty());
    for (int n = 0; n < kUrls; ++n) EXPECT_EQ(queue.find(url(n)), nullptr) << n;
  }
  EXPECT_EQ(seen.size(), 11u);
  for (const auto& [what, times] : seen) EXPECT_GT(times, 100) << what;
}

}  // namespace
}  // namespace ncps::cache
