// What is counted about answers to readers: which kind of thing, and how the cache came by it.
//
// One that is made without a Registry counts nowhere. Labels: `object` is narinfo, nar, log, listing,
// realisation or debug_info; `cache` is as http::Response::cache has it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/response.h"
#include "server/route.h"
#include "telemetry/registry.h"

namespace ncps::server {

class ServedProbe {
 public:
  ServedProbe() = default;
  explicit ServedProbe(metrics::Registry& registry);

  // `response` is the answer to GET or HEAD of `route`, ready after so many seconds. Its bytes are
  // counted as they are sent. What is no object is not counted here.
  void answered(const Route& route, http::Response& response, double seconds) const noexcept;

  // Of all answers since the start, for hit rates. A narinfo or NAR; bytes are of NARs, sent.
  struct Totals {
    std::uint64_t narinfos = 0, narinfo_hits = 0;
    std::uint64_t nars = 0, nar_hits = 0;  // hits: also those that joined a download
    std::uint64_t bytes = 0, bytes_saved = 0;
  };
  Totals totals() const noexcept;

  // The same numbers in the words of the Go program: ncps_narinfo_served_total, ncps_nar_served_total
  // with `result` (hit, staging, miss) and `status` (success, error).
  std::vector<metrics::Sample> narinfos_as_in_go() const;
  std::vector<metrics::Sample> nars_as_in_go() const;

 private:
  static constexpr std::size_t kObjects = 6, kHows = 8;
  enum How : std::uint8_t { memory, hit, inflight, peer, redirect, miss, negative, other };
  static How how_of(std::string_view cache) noexcept;

  struct Object {
    std::array<metrics::Counter, kHows> served, bytes;
    std::array<metrics::Counter, 2> missing;  // asked for just now; known
    metrics::Counter failed;
    metrics::Histogram seconds;
  };
  std::array<Object, kObjects> objects_;
};

}  // namespace ncps::server
