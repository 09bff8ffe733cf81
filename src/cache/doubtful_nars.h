// DoubtfulNars: announced NARs that could not be had from anywhere, or were wrong from everywhere.
//
// No signature covers the URL, Compression, FileHash and FileSize of a narinfo: they may have been
// damaged on their way, or the upstream may have packed its NAR anew. So whose NAR is doubtful, that
// narinfo is asked for again. What was never announced has no narinfo to doubt: it does not belong here.
// Bounded (the oldest are forgotten); thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <variant>

#include "base/guarded.h"
#include "cache/recent.h"
#include "nix/nar_url.h"

namespace ncps::cache {

class DoubtfulNars {
 public:
  void add(const nix::NarUrl& url) {
    bool fresh = urls_.with([&](auto& urls) { return urls.put(url, {}); });
    if (fresh) ++additions_;
  }

  // Whether it was one; it is none any more.
  bool take(const nix::NarUrl& url) {
    return urls_.with([&](auto& urls) { return urls.take(url).has_value(); });
  }

  // How many have been added so far: what was rendered before the last one may have to be looked at
  // again.
  std::uint64_t additions() const noexcept { return additions_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kMost = 10'000;
  Guarded<Recent<nix::NarUrl, std::monostate>> urls_{Recent<nix::NarUrl, std::monostate>(kMost)};
  std::atomic<std::uint64_t> additions_ = 0;
};

}  // namespace ncps::cache
