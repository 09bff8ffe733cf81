#include "upstream/upstream_probe.h"

#include <string_view>
#include <utility>

namespace ncps::upstream {
namespace {

constexpr std::array<std::string_view, 6> kNames{"found",  "missing",     "refused",
                                                 "failed", "unreachable", "unknown"};

class CountedSource final : public ByteSource {
 public:
  CountedSource(std::unique_ptr<ByteSource> inner, metrics::Counter bytes)
      : inner_(std::move(inner)), bytes_(bytes) {}

  Task<Piece> next() override {
    auto piece = co_await inner_->next();
    if (piece) {
      if (const auto* text = std::get_if<std::string_view>(&*piece)) bytes_.add(text->size());
    }
    co_return std::move(piece);
  }

 private:
  std::unique_ptr<ByteSource> inner_;
  metrics::Counter bytes_;
};

}  // namespace

UpstreamProbe::UpstreamProbe(metrics::Registry& registry, const std::string& name)
    : narinfo_seconds(registry.histogram(
          {"ncps_upstream_narinfo_fetch_duration_seconds",
           "Until an upstream has given a narinfo, or said that it has none, retries included"},
          metrics::seconds_bounds(), {{"upstream", name}})),
      received_bytes(registry.counter(
          {"ncps_upstream_received_bytes_total", "Bytes of bodies that came from an upstream"},
          {{"upstream", name}})),
      retries(registry.counter({"ncps_upstream_retries_total", "Requests that were made again"},
                               {{"upstream", name}})),
      seconds_(
          registry.histogram({"ncps_upstream_response_seconds",
                              "Until an upstream has answered an attempt: a head, or the whole "
                              "of a small document"},
                             metrics::seconds_bounds(), {{"upstream", name}})) {
  for (std::size_t i = 0; i < kAnswers; ++i)
    answers_[i] =
        registry.counter({"ncps_upstream_requests_total", "Attempts, by what an upstream answered"},
                         {{"result", std::string(kNames[i])}, {"upstream", name}});
}

void UpstreamProbe::answered(Answer answer, double seconds) const noexcept {
  answers_[static_cast<std::size_t>(answer)].add();
  seconds_.observe(seconds);
}

std::unique_ptr<ByteSource> UpstreamProbe::counted(std::unique_ptr<ByteSource> body) const {
  if (!body) return body;
  return std::make_unique<CountedSource>(std::move(body), received_bytes);
}

}  // namespace ncps::upstream
