// What is counted about uploads, by what became of them. One without a Registry counts nowhere.
#pragma once

#include <array>

#include "cache/upload_answer.h"
#include "server/route.h"
#include "telemetry/registry.h"

namespace ncps::server {

class UploadProbe {
 public:
  UploadProbe() = default;
  explicit UploadProbe(metrics::Registry& registry);

  void ended(const Route& route, const Result<cache::UploadAnswer>& answer) const noexcept;
  void refused_unread(const Route& route) const noexcept;

 private:
  // As cache::Verdict, then: failed, refused before it was read.
  static constexpr std::size_t kResults = 9, kObjects = 3;
  const std::array<metrics::Counter, kResults>& of(const Route& route) const noexcept;

  std::array<std::array<metrics::Counter, kResults>, kObjects> ended_;
};

}  // namespace ncps::server
