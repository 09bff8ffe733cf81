#include "server/served_history.h"

#include <gtest/gtest.h>

namespace ncps::server {
namespace {

using namespace std::chrono_literals;

struct ServedHistoryTest : ::testing::Test {
  using Time = ServedHistory::Time;
  // One NAR is served each second; looked at each ten.
  void run_until(std::chrono::seconds end) {
    for (; now_ <= end; now_ += 10s) history_.add(Time(now_), at(now_));
  }
  static ServedHistory::Totals at(std::chrono::seconds time) {
    auto n = static_cast<std::uint64_t>(time.count());
    return {.nars = n, .nar_hits = n / 2, .bytes = 100 * n, .bytes_saved = 50 * n};
  }
  std::uint64_t nars(std::size_t window, std::chrono::seconds now) const {
    return history_.within(window, Time(now), at(now)).nars;
  }
  ServedHistory history_;
  std::chrono::seconds now_{0};
};

TEST_F(ServedHistoryTest, AYoungProcessKnowsWhatItHasServed) {
  EXPECT_EQ(nars(0, 5s), 5u);  // before the first look
  run_until(20s);
  for (std::size_t window = 0; window < 3; ++window) EXPECT_EQ(nars(window, 25s), 25u);
}

TEST_F(ServedHistoryTest, EachWindowForgetsWhatIsOlder) {
  run_until(3 * 86'400s);
  auto now = 3 * 86'400s + 4s;
  for (std::size_t window = 0; window < 3; ++window) {
    auto [name, length, step] = ServedHistory::kWindows[window];
    EXPECT_GE(nars(window, now), static_cast<std::uint64_t>(length.count())) << name;
    EXPECT_LE(nars(window, now), static_cast<std::uint64_t>((length + step).count())) << name;
    auto all = history_.within(window, Time(now), at(now));
    EXPECT_EQ(all.bytes, 100 * all.nars);
    EXPECT_EQ(all.bytes_saved, 50 * all.nars);
  }
}

TEST_F(ServedHistoryTest, AfterASilenceTheLastMinuteIsEmpty) {
  run_until(1'000s);
  auto totals = at(1'000s);
  for (auto now = 1'010s; now <= 1'200s; now += 10s) history_.add(Time(now), totals);
  EXPECT_EQ(history_.within(0, Time(1'205s), totals).nars, 0u);
  EXPECT_EQ(history_.within(1, Time(1'205s), totals).nars, 1'000u);
}

}  // namespace
}  // namespace ncps::server
