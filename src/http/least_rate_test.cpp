#include "http/least_rate.h"

#include <gtest/gtest.h>

#include <vector>

namespace ncps::http {
namespace {

using namespace std::chrono_literals;

struct Arrival {
  std::uint64_t bytes;
  std::chrono::milliseconds waited;
};

TEST(LeastRate, CountsWhatComesWhileWeWait) {
  struct Row {
    std::vector<Arrival> arrivals;
    std::chrono::milliseconds left;
  };
  const Row rows[] = {
      {{}, 60s},
      {{{1, 0s}}, 60s},
      {{{1, 29s}}, 31s},
      {{{1, 29s}, {1, 29s}}, 2s},
      {{{1, 29s}, {1, 29s}, {1, 2s}}, 0s},
      {{{1, 90s}}, 0s},
      {{{999, 59s}}, 1s},
      {{{999, 59s}, {1, 500ms}}, 60s},
      {{{1000, 60s}}, 60s},
      {{{5'000'000, 10s}, {1, 5s}}, 55s},  // what came before is no credit
  };
  for (const auto& row : rows) {
    LeastRate rate({.bytes = 1000, .within = 60s});
    for (const auto& one : row.arrivals) rate.came(one.bytes, one.waited);
    EXPECT_EQ(rate.patience(), row.left) << row.arrivals.size();
  }
}

}  // namespace
}  // namespace ncps::http
