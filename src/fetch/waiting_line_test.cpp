#include "fetch/waiting_line.h"

#include <gtest/gtest.h>

#include <random>

namespace ncps::fetch {
namespace {

using Line = WaitingLine<int>;
using Place = Line::Place;
using Some = std::vector<int>;

TEST(WaitingLine, ThoseForWhomThereIsNoRoomWaitAndFollowInOrder) {
  Line line({.per_host = 2, .in_total = 10, .waiting = 10});
  EXPECT_EQ(line.enter("a", 1), Place::runs);
  EXPECT_EQ(line.enter("a", 2), Place::runs);
  EXPECT_EQ(line.enter("a", 3), Place::waits);
  EXPECT_EQ(line.enter("a", 4), Place::waits);
  EXPECT_EQ(line.leave("a", 2), (Some{3}));
  EXPECT_EQ(line.leave("a", 1), (Some{4}));
  EXPECT_EQ(line.leave("a", 3), Some());
  EXPECT_EQ(line.leave("a", 4), Some());
  EXPECT_TRUE(line.hosts().empty()) << "nothing is left of them";
}

TEST(WaitingLine, ABusyHostHoldsUpNoOther) {
  Line line({.per_host = 1, .in_total = 10, .waiting = 10});
  EXPECT_EQ(line.enter("a", 1), Place::runs);
  EXPECT_EQ(line.enter("a", 2), Place::waits);
  EXPECT_EQ(line.enter("b", 3), Place::runs);
  EXPECT_EQ(line.leave("b", 3), Some());
  EXPECT_EQ(line.leave("a", 1), (Some{2}));
}

TEST(WaitingLine, WhenAllIsFullTheLongestWaitingIsNext) {
  Line line({.per_host = 2, .in_total = 2, .waiting = 10});
  EXPECT_EQ(line.enter("z", 1), Place::runs);
  EXPECT_EQ(line.enter("z", 2), Place::runs);
  EXPECT_EQ(line.enter("z", 3), Place::waits);
  EXPECT_EQ(line.enter("a", 4), Place::waits);
  EXPECT_EQ(line.leave("z", 1), (Some{3}));
  EXPECT_EQ(line.leave("z", 2), (Some{4}));
}

TEST(WaitingLine, WhoGoesWhileHeWaitsIsForgotten) {
  Line line({.per_host = 1, .in_total = 10, .waiting = 10});
  line.enter("a", 1);
  line.enter("a", 2);
  line.enter("a", 3);
  EXPECT_EQ(line.leave("a", 2), Some());
  EXPECT_EQ(line.waiting(), 1u);
  EXPECT_EQ(line.leave("a", 1), (Some{3}));
}

TEST(WaitingLine, WhoIsNotHereChangesNothing) {
  Line line({.per_host = 1, .in_total = 10, .waiting = 10});
  EXPECT_EQ(line.leave("a", 1), Some());
  line.enter("a", 1);
  line.enter("a", 2);
  EXPECT_EQ(line.leave("a", 7), Some());
  EXPECT_EQ(line.leave("b", 7), Some());
  EXPECT_EQ(line.leave("a", 1), (Some{2}));
  EXPECT_EQ(line.leave("a", 1), Some()) << "twice";
}

TEST(WaitingLine, IsBounded) {
  Line line({.per_host = 1, .in_total = 10, .waiting = 2});
  EXPECT_EQ(line.enter("a", 1), Place::runs);
  EXPECT_EQ(line.enter("a", 2), Place::waits);
  EXPECT_EQ(line.enter("a", 3), Place::waits);
  EXPECT_EQ(line.enter("a", 4), Place::none_left);
  EXPECT_EQ(line.enter("b", 5), Place::runs) << "there is nothing to wait for";
  EXPECT_EQ(line.enter("b", 6), Place::none_left);
  EXPECT_EQ(line.leave("a", 4), Some());
  EXPECT_EQ(line.leave("a", 1), (Some{2}));
  EXPECT_EQ(line.enter("a", 6), Place::waits);
}

TEST(WaitingLine, AllWhoWaitForAHostCanBeSentAway) {
  Line line({.per_host = 1, .in_total = 10, .waiting = 3});
  for (int i = 1; i <= 3; ++i) line.enter("a", i);
  line.enter("b", 4);
  line.enter("b", 5);
  EXPECT_EQ(line.send_away("a"), (Some{2, 3}));
  EXPECT_EQ(line.send_away("a"), Some());
  EXPECT_EQ(line.send_away("c"), Some());
  EXPECT_EQ(line.waiting(), 1u);
  EXPECT_EQ(line.leave("a", 2), Some()) << "it has gone";
  EXPECT_EQ(line.leave("a", 1), Some());
  EXPECT_EQ(line.leave("b", 4), (Some{5}));
}

TEST(WaitingLine, KeepsItsPromisesWhateverHappens) {
  std::mt19937 random(20261122);
  const LineLimits limits{.per_host = 3, .in_total = 7, .waiting = 20};
  Line line(limits);
  std::map<int, std::string> running, waiting;
  auto started = [&](const Some& who) {
    for (int each : who) running.insert(waiting.extract(each));
  };
  for (int i = 0; i < 20'000; ++i) {
    std::string host(1, static_cast<char>('a' + random() % 5));
    auto& from = random() % 2 == 0 ? running : waiting;
    switch (random() % 3) {
      case 0:
      case 1: {
        auto place = line.enter(host, i);
        if (place == Place::runs) running[i] = host;
        if (place == Place::waits) waiting[i] = host;
        break;
      }
      default:
        if (from.empty()) break;
        auto gone = std::next(from.begin(), static_cast<long>(random() % from.size()));
        auto [who, where] = *gone;
        from.erase(gone);
        started(line.leave(where, who));
    }
    ASSERT_LE(running.size(), limits.in_total);
    ASSERT_EQ(line.waiting(), waiting.size());
    ASSERT_LE(waiting.size(), limits.waiting);
    std::map<std::string, std::size_t> busy;
    for (const auto& [who, where] : running) ASSERT_LE(++busy[where], limits.per_host);
    for (const auto& [who, where] : waiting)
      ASSERT_TRUE(running.size() == limits.in_total || busy[where] == limits.per_host)
          << "nobody waits where there is room";
  }
  EXPECT_GT(running.size(), 0u);
}

}  // namespace
}  // namespace ncps::fetch
