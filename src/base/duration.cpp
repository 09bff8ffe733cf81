#include "base/duration.h"

#include <charconv>
#include <cmath>
#include <utility>

namespace ncps {
namespace {

constexpr std::pair<std::string_view, double> kUnits[] = {
    // the longer before the shorter of one beginning
    {"ns", 1},   {"us", 1e3}, {"µs", 1e3}, {"μs", 1e3},
    {"ms", 1e6}, {"s", 1e9},  {"m", 60e9}, {"h", 3600e9},
};

constexpr double kMostNanoseconds = 9.2e18;

std::unexpected<Error> malformed() {
  return fail(ErrorKind::invalid,
              "is no duration; write numbers with units, such as 300ms, 3s or 1h30m");
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return malformed();
  double total = 0;
  while (!text.empty()) {
    double number = 0;
    auto [end, ec] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (ec != std::errc() || !(number >= 0)) return malformed();
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const std::pair<std::string_view, double>* unit = nullptr;
    for (const auto& candidate : kUnits) {
      if (text.starts_with(candidate.first)) {
        unit = &candidate;
        break;
      }
    }
    if (unit == nullptr) return malformed();
    text.remove_prefix(unit->first.size());
    total += number * unit->second;
    if (total > kMostNanoseconds) return fail(ErrorKind::invalid, "is too long");
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::llround(total)));
}

Result<std::chrono::milliseconds> parse_duration_ms(std::string_view text) {
  TRY(auto exact, parse_duration(text));
  return std::chrono::round<std::chrono::milliseconds>(exact);
}

std::string print_duration(std::chrono::milliseconds duration) {
  auto ms = duration.count();
  if (ms == 0) return "0s";
  if (ms < 1000) return std::to_string(ms) + "ms";
  std::string out;
  if (ms >= 3'600'000) out += std::to_string(ms / 3'600'000) + "h";
  if (ms >= 60'000) out += std::to_string(ms / 60'000 % 60) + "m";
  out += std::to_string(ms / 1000 % 60);
  if (auto rest = ms % 1000; rest != 0) {
    auto digits = std::to_string(1000 + rest).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    out += "." + digits;
  }
  return out + "s";
}

}  // namespace ncps
