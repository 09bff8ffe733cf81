#include "telemetry/trace_context.h"

#include <algorithm>

namespace ncps::trace {
namespace {

constexpr std::size_t kParentLength = 55;  // of version 00
constexpr std::size_t kMostMembers = 32;
constexpr std::size_t kMostStateBytes = 512;

// Upper case is malformed there.
int nibble(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

template <std::size_t N>
bool read_hex(std::string_view text, std::array<std::uint8_t, N>& out) noexcept {
  if (text.size() != 2 * N) return false;
  for (std::size_t i = 0; i < N; ++i) {
    int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

bool is_lower_or_digit(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Section 3.3.1.3.1; what stands before an '@' is not looked at more closely.
bool is_key(std::string_view key) noexcept {
  if (key.empty() || key.size() > 256 || !is_lower_or_digit(key.front())) return false;
  auto fits = [](char c) {
    return is_lower_or_digit(c) || c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
  };
  return std::ranges::all_of(key, fits) && std::ranges::count(key, '@') <= 1;
}

bool is_value(std::string_view value) noexcept {
  if (value.empty() || value.size() > 256 || value.back() == ' ') return false;
  return std::ranges::all_of(value,
                             [](char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; });
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<SpanContext> parse_traceparent(std::string_view header) {
  if (header.size() < kParentLength || header[2] != '-' || header[35] != '-' || header[52] != '-')
    return std::nullopt;
  std::array<std::uint8_t, 1> version{}, flags{};
  SpanContext context;
  if (!read_hex(header.substr(0, 2), version) ||
      !read_hex(header.substr(3, 32), context.trace_id) ||
      !read_hex(header.substr(36, 16), context.span_id) || !read_hex(header.substr(53, 2), flags))
    return std::nullopt;
  bool longer = header.size() > kParentLength;
  if (version[0] == 0xff || !context.valid()) return std::nullopt;
  if (longer && (version[0] == 0 || header[kParentLength] != '-')) return std::nullopt;
  context.sampled = (flags[0] & 1) != 0;
  return context;
}

std::string print_traceparent(const SpanContext& context) {
  return "00-" + print_hex(context.trace_id) + "-" + print_hex(context.span_id) +
         (context.sampled ? "-01" : "-00");
}

bool is_tracestate(std::string_view header) noexcept {
  if (header.empty() || header.size() > kMostStateBytes) return false;
  std::size_t members = 0;
  for (auto rest = header;;) {
    auto comma = rest.find(',');
    auto member = trimmed(rest.substr(0, comma));
    auto equals = member.find('=');
    if (!member.empty()) {  // an empty one is allowed
      if (equals == member.npos || !is_key(member.substr(0, equals)) ||
          !is_value(member.substr(equals + 1)) || ++members > kMostMembers)
        return false;
    }
    if (comma == rest.npos) return members > 0;
    rest.remove_prefix(comma + 1);
  }
}

std::optional<SpanContext> parse_context(std::string_view traceparent,
                                         std::string_view tracestate) {
  auto context = parse_traceparent(trimmed(traceparent));
  if (context && is_tracestate(tracestate))
    context->state = std::make_shared<const std::string>(tracestate);
  return context;
}

std::string print_hex(std::span<const std::uint8_t> id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * id.size());
  for (auto byte : id) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

}  // namespace ncps::trace
