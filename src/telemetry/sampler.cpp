#include "telemetry/sampler.h"

#include <charconv>

namespace ncps::trace {
namespace {

constexpr std::string_view kByParent = "parentbased_";
constexpr double kAll = 9223372036854775808.0;  // 2^63

Result<double> parse_ratio(std::string_view text) {
  if (text.empty()) return 1.0;
  double ratio = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), ratio);
  bool number = ec == std::errc() && end == text.data() + text.size();
  if (!number || !(ratio >= 0 && ratio <= 1))
    return fail(ErrorKind::invalid, "not a number from 0 to 1: '" + std::string(text) + "'");
  return ratio;
}

}  // namespace

Result<Sampler> Sampler::parse(std::string_view name, std::string_view argument) {
  Sampler sampler;
  sampler.name_ = name;
  sampler.by_parent_ = name.starts_with(kByParent);
  if (sampler.by_parent_) name.remove_prefix(kByParent.size());
  if (name == "always_on") return sampler;
  if (name == "always_off") {
    sampler.below_ = 0;
  } else if (name == "traceidratio") {
    TRY(auto ratio, parse_ratio(argument));
    sampler.below_ = static_cast<std::uint64_t>(ratio * kAll);
  } else {
    return fail(ErrorKind::invalid,
                "no such sampler: '" + sampler.name_ +
                    "' (always_on, always_off, traceidratio, or these after parentbased_)");
  }
  return sampler;
}

bool Sampler::samples(const TraceId& id, const SpanContext* parent) const noexcept {
  if (by_parent_ && parent != nullptr) return parent->sampled;
  std::uint64_t number = 0;
  for (std::size_t i = 8; i < id.size(); ++i) number = number << 8 | id[i];
  return number >> 1 < below_;
}

}  // namespace ncps::trace
