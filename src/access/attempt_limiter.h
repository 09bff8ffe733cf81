// AttemptLimiter: how often one address (of IPv6 a /64) may send a wrong token.
//
// An address that has used up its attempts is not listened to, whatever it sends, until time gives it
// new ones; except for tokens that were right from there while it was being watched: many machines
// may share one address, and one with an old token must not shut out the others. Bounded;
// thread-safe. Costs nothing as long as nobody guesses wrong.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "crypto/sha256.h"

namespace ncps::access {

class AttemptLimiter {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr double kAttempts = 20;             // at once
  static constexpr std::chrono::seconds kOneMore{3};  // later, each
  static constexpr std::size_t kAddresses = 10'000;   // watched at once
  static constexpr std::size_t kProven = 64;          // right tokens, of each address

  // nullopt: the token may be looked at. Otherwise: how long until it may, at most.
  std::optional<std::chrono::seconds> refuse(std::string_view address,
                                             const crypto::Sha256Digest& token,
                                             Clock::time_point now);

  void failed(std::string_view address, Clock::time_point now);
  void succeeded(std::string_view address, const crypto::Sha256Digest& token,
                 Clock::time_point now);

 private:
  struct Watched {
    double left = kAttempts;  // attempts, at `as_of`
    Clock::time_point as_of;
    std::set<crypto::Sha256Digest> proven;
  };
  using Map = std::map<std::string, Watched, std::less<>>;

  static void refill(Watched& watched, Clock::time_point now);
  static void forget_the_quiet(Map& map, Clock::time_point now);

  Guarded<Map> watched_;
  std::atomic<std::size_t> size_ = 0;
};

}  // namespace ncps::access
