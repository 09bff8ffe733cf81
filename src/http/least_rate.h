// LeastRate: whether somebody sends enough, or only drips so that it never stalls. Pure.
//
// Only the time counts in which we waited for the sender. Each time that `bytes` have come a new
// stretch begins; one that takes longer than `within` is too slow. So what is shorter than `bytes`
// has `within` for all of it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ncps::http {

class LeastRate {
 public:
  struct Rule {
    std::uint64_t bytes;
    std::chrono::milliseconds within;
  };

  explicit LeastRate(Rule rule) : rule_(rule) {}

  // How long may be waited now for the next bytes; 0: it was too slow.
  std::chrono::milliseconds patience() const { return rule_.within - waited_; }

  void came(std::uint64_t bytes, std::chrono::milliseconds waited) {
    bytes_ += bytes;
    waited_ = std::min(waited_ + waited, rule_.within);
    if (bytes_ < rule_.bytes) return;
    bytes_ = 0;
    waited_ = {};
  }

 private:
  Rule rule_;
  std::uint64_t bytes_ = 0;
  std::chrono::milliseconds waited_{0};
};

}  // namespace ncps::http
