#include "upstream/latency.h"

#include <gtest/gtest.h>

#include <vector>

namespace ncps::upstream {
namespace {

using namespace std::chrono_literals;
using Times = std::vector<std::chrono::milliseconds>;

// `count` times `time`.
Times times(std::size_t count, std::chrono::milliseconds time) {
  return Times(count, time);
}

Times operator+(Times a, const Times& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(Latency, IsThatOf95Of100) {
  const struct {
    const char* what;
    Times took;
    std::chrono::milliseconds usual;
  } cases[] = {
      {"nothing is known", {}, 300ms},
      {"too little is known", times(7, 80ms), 300ms},
      {"just enough", times(8, 80ms), 80ms},
      {"with few, the slowest counts", times(7, 80ms) + times(1, 500ms), 500ms},
      {"of 20 the slowest does not", times(19, 80ms) + times(1, 500ms), 80ms},
      {"of 20 the second slowest does", times(18, 80ms) + times(2, 500ms), 500ms},
      {"order does not matter", times(2, 500ms) + times(18, 80ms), 500ms},
      {"of 64 three are beyond it", times(61, 80ms) + times(3, 500ms), 80ms},
      {"of 64 four are not", times(60, 80ms) + times(4, 500ms), 500ms},
      {"never less than 50 ms", times(20, 1ms), 50ms},
      {"never more than 1 s", times(20, 30s), 1s},
      {"what is old is forgotten", times(64, 900ms) + times(64, 60ms), 60ms},
      {"but not before", times(64, 900ms) + times(60, 60ms), 900ms},
      {"long ago", times(1000, 60ms) + times(4, 500ms), 500ms},
  };
  for (const auto& c : cases) {
    Latency latency;
    for (auto time : c.took) latency.took(time);
    EXPECT_EQ(latency.usual(), c.usual) << c.what;
  }
}

TEST(Latency, APartOfAMillisecondCountsAsOne) {
  Latency latency;
  for (int i = 0; i < 8; ++i) latency.took(100'000'001ns);
  EXPECT_EQ(latency.usual(), 101ms);
}

}  // namespace
}  // namespace ncps::upstream
