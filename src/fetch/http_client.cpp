#include "fetch/http_client.h"

#include <algorithm>
#include <charconv>

namespace ncps::fetch {
namespace {

template <class Int>
std::optional<Int> number(std::string_view text) {
  Int value{};
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::uint64_t body_size(const Body& body) noexcept {
  if (const auto* text = std::get_if<std::string>(&body)) return text->size();
  if (const auto* file = std::get_if<FileBody>(&body)) return file->length;
  return 0;
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  std::string_view unit = "bytes ";
  auto same = [](char sent, char ours) {
    return (sent >= 'A' && sent <= 'Z' ? sent + 32 : sent) == ours;
  };
  if (value.size() < unit.size() || !std::ranges::equal(value.substr(0, unit.size()), unit, same))
    return std::nullopt;
  value.remove_prefix(unit.size());
  auto dash = value.find('-'), slash = value.find('/');
  if (dash == value.npos || slash == value.npos || dash > slash) return std::nullopt;
  auto first = number<std::uint64_t>(value.substr(0, dash));
  auto last = number<std::uint64_t>(value.substr(dash + 1, slash - dash - 1));
  auto total = number<std::uint64_t>(value.substr(slash + 1));
  if (!first || !last || *last < *first || (!total && value.substr(slash + 1) != "*"))
    return std::nullopt;
  if (total && *last >= *total) return std::nullopt;
  return ContentRange{*first, total};
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value) {
  auto seconds = number<std::uint32_t>(value);
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

}  // namespace ncps::fetch
