#include "http/range.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

#include "http/text.h"

namespace ncps::http {
namespace {

// A position: digits only. One that is too large for 64 bits lies beyond every end, so it is
// clamped. nullopt: not a number.
std::optional<std::uint64_t> parse_position(std::string_view text) {
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::ranges::all_of(text, digit)) return std::nullopt;
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return std::numeric_limits<std::uint64_t>::max();
  return value;
}

RangeDecision decide_suffix(std::uint64_t count, std::uint64_t size) {
  if (count == 0) return {.answer = RangeAnswer::unsatisfiable};
  // The last bytes of nothing are all of it: there is no way to write that as a 206.
  if (size == 0) return {};
  return {.answer = RangeAnswer::part, .range = {size - std::min(count, size), size - 1}};
}

// The entity tag at the front of `list` (with its W/), taken off it; empty if there is none.
std::string_view take_tag(std::string_view& list) {
  auto open = list.starts_with("W/\"") ? 2u : 0u;
  if (open >= list.size() || list[open] != '"') return {};
  auto close = list.find('"', open + 1);
  if (close == std::string_view::npos) return {};
  auto tag = list.substr(0, close + 1);
  list.remove_prefix(tag.size());
  return tag;
}

std::string_view without_weakness(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  return tag;
}

}  // namespace

std::optional<AskedRange> parse_range(std::string_view header) {
  auto equals = header.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  if (!same_word(trimmed(header.substr(0, equals)), "bytes")) return std::nullopt;
  auto spec = trimmed(header.substr(equals + 1));
  auto dash = spec.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  if (dash == 0) {
    auto count = parse_position(spec.substr(1));
    if (!count) return std::nullopt;
    return AskedRange{.last = *count};
  }
  auto first = parse_position(spec.substr(0, dash));
  if (!first) return std::nullopt;
  auto last = std::numeric_limits<std::uint64_t>::max();
  if (dash + 1 < spec.size()) {
    auto given = parse_position(spec.substr(dash + 1));  // a ',' of a second range ends here
    if (!given || *given < *first) return std::nullopt;
    last = *given;
  }
  return AskedRange{.first = first, .last = last};
}

RangeDecision decide_range(std::string_view header, std::uint64_t size) {
  auto asked = parse_range(header);
  if (!asked) return {};
  if (!asked->first) return decide_suffix(asked->last, size);
  if (*asked->first >= size) return {.answer = RangeAnswer::unsatisfiable};
  return {.answer = RangeAnswer::part, .range = {*asked->first, std::min(asked->last, size - 1)}};
}

bool if_range_allows(std::string_view header, std::string_view etag) {
  header = trimmed(header);
  return header.empty() || (header.starts_with('"') && header == etag);
}

bool if_none_match(std::string_view header, std::string_view etag) {
  header = trimmed(header);
  if (header == "*") return true;
  while (!header.empty()) {
    auto tag = take_tag(header);
    if (tag.empty()) return false;  // malformed: what follows means nothing
    if (without_weakness(tag) == without_weakness(etag)) return true;
    header = trimmed(header);
    if (!header.empty() && header.front() != ',') return false;
    auto next = header.find_first_not_of(", \t");
    header.remove_prefix(std::min(next, header.size()));
  }
  return false;
}

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.first) + '-' + std::to_string(range.last) + '/' +
         std::to_string(size);
}

std::string content_range_unsatisfied(std::uint64_t size) {
  return "bytes */" + std::to_string(size);
}

}  // namespace ncps::http
