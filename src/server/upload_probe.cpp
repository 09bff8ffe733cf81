#include "server/upload_probe.h"

#include <string>
#include <string_view>

namespace ncps::server {
namespace {

constexpr std::array<std::string_view, 9> kResultNames{
    "kept", "here", "unfit", "untrusted", "conflict", "too_large", "no_room", "failed", "refused"};
constexpr std::size_t kFailed = 7, kRefused = 8;
constexpr std::array<std::string_view, 3> kObjectNames{"narinfo", "nar", "other"};

}  // namespace

UploadProbe::UploadProbe(metrics::Registry& registry) {
  for (std::size_t i = 0; i < kObjects; ++i)
    for (std::size_t r = 0; r < kResults; ++r)
      ended_[i][r] = registry.counter(
          {"ncps_uploads_total", "Uploads that have ended, by what became of them"},
          {{"object", std::string(kObjectNames[i])}, {"result", std::string(kResultNames[r])}});
}

const std::array<metrics::Counter, UploadProbe::kResults>& UploadProbe::of(
    const Route& route) const noexcept {
  if (std::holds_alternative<nix::StorePathHash>(route)) return ended_[0];
  return ended_[std::holds_alternative<nix::NarUrl>(route) ? 1 : 2];
}

void UploadProbe::ended(const Route& route,
                        const Result<cache::UploadAnswer>& answer) const noexcept {
  of(route)[answer ? static_cast<std::size_t>(answer->verdict) : kFailed].add();
}

void UploadProbe::refused_unread(const Route& route) const noexcept {
  of(route)[kRefused].add();
}

}  // namespace ncps::server
