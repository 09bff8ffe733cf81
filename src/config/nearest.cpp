#include "config/nearest.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace ncps::config {
namespace {

// Optimal string alignment distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view text, const std::set<std::string, std::less<>>& names) {
  text = text.substr(0, 200);  // what a stranger's file holds must not cost more than this
  std::string best;
  auto least = std::numeric_limits<std::size_t>::max();
  for (const auto& name : names) {
    auto d = distance(text, name);
    if (d < least) {
      least = d;
      best = name;
    }
  }
  return best;
}

}  // namespace ncps::config
