#include "access/attempt_limiter.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <vector>

namespace ncps::access {
namespace {

using Seconds = std::chrono::duration<double>;

// Of IPv6 the first 64 bits: one client can have all addresses below them.
std::string key_of(std::string_view address) {
  std::array<unsigned char, 16> bytes{};
  std::string text(address);
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return text;
  return {bytes.begin(), bytes.begin() + 8};
}

}  // namespace

void AttemptLimiter::refill(Watched& watched, Clock::time_point now) {
  if (now <= watched.as_of) return;
  watched.left =
      std::min(kAttempts, watched.left + Seconds(now - watched.as_of) / Seconds(kOneMore));
  watched.as_of = now;
}

// The half that has most of its attempts: half, so that this is rarely done.
void AttemptLimiter::forget_the_quiet(Map& map, Clock::time_point now) {
  std::vector<double> lefts;
  for (auto& [address, watched] : map) {
    refill(watched, now);
    lefts.push_back(watched.left);
  }
  auto middle = lefts.begin() + static_cast<std::ptrdiff_t>(lefts.size() / 2);
  std::ranges::nth_element(lefts, middle);
  auto too_many = lefts.size() / 2;
  std::erase_if(map, [&](const auto& entry) {
    bool drop = entry.second.left >= *middle && too_many > 0;
    if (drop) --too_many;
    return drop;
  });
}

std::optional<std::chrono::seconds> AttemptLimiter::refuse(std::string_view address,
                                                           const crypto::Sha256Digest& token,
                                                           Clock::time_point now) {
  if (size_ == 0) return std::nullopt;
  return watched_.with([&](Map& map) -> std::optional<std::chrono::seconds> {
    auto it = map.find(key_of(address));
    if (it == map.end()) return std::nullopt;
    auto& watched = it->second;
    refill(watched, now);
    if (watched.left >= 1 || watched.proven.contains(token)) return std::nullopt;
    return std::chrono::ceil<std::chrono::seconds>((1 - watched.left) * Seconds(kOneMore));
  });
}

void AttemptLimiter::failed(std::string_view address, Clock::time_point now) {
  watched_.with([&](Map& map) {
    auto it = map.find(key_of(address));
    if (it == map.end()) {
      if (map.size() >= kAddresses) forget_the_quiet(map, now);
      it = map.emplace(key_of(address), Watched{.as_of = now, .proven = {}}).first;
    }
    refill(it->second, now);
    it->second.left = std::max(0.0, it->second.left - 1);
    size_ = map.size();
  });
}

void AttemptLimiter::succeeded(std::string_view address, const crypto::Sha256Digest& token,
                               Clock::time_point now) {
  if (size_ == 0) return;
  watched_.with([&](Map& map) {
    auto it = map.find(key_of(address));
    if (it == map.end()) return;
    refill(it->second, now);
    if (it->second.left >= kAttempts) {
      map.erase(it);
      size_ = map.size();
    } else if (it->second.proven.size() < kProven) {
      it->second.proven.insert(token);
    }
  });
}

}  // namespace ncps::access
