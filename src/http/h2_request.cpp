#include "http/h2_request.h"

#include <array>
#include <charconv>
#include <utility>

#include "http/text.h"

namespace ncps::http {
namespace {

constexpr std::size_t kForEach = 32;

Method method_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Method>, 5> kNames{
      {{"GET", Method::get},
       {"HEAD", Method::head},
       {"PUT", Method::put},
       {"POST", Method::post},
       {"DELETE", Method::delete_}}};
  for (auto [known, method] : kNames)
    if (name == known) return method;
  return Method::other;
}

// libnghttp2 has seen that it is a number.
std::optional<std::uint64_t> length_of(std::string_view text) {
  std::uint64_t length = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

}  // namespace

void H2Request::add(std::string_view name, std::string_view value, std::size_t most) {
  size_ += name.size() + value.size() + kForEach;
  if (size_ > most) return;
  auto begin = text_.size();
  text_.append(name).append(value);
  places_.push_back({begin, begin + name.size(), text_.size()});
}

std::string_view H2Request::find(std::string_view name) const {
  std::string_view text = text_;
  for (const auto& place : places_)
    if (same_word(text.substr(place.name, place.value - place.name), name))
      return trimmed(text.substr(place.value, place.end - place.value));
  return {};
}

std::vector<std::string_view> H2Request::values(std::string_view name) const {
  std::string_view text = text_;
  std::vector<std::string_view> all;
  for (const auto& place : places_)
    if (same_word(text.substr(place.name, place.value - place.name), name))
      all.push_back(trimmed(text.substr(place.value, place.end - place.value)));
  return all;
}

std::string_view H2Request::header(std::string_view name) const {
  if (name.starts_with(':')) return {};  // nobody's header
  if (same_word(name, "host"))
    if (auto authority = find(":authority"); !authority.empty()) return authority;
  return find(name);
}

Refusal H2Request::judge(const Limits& limits, bool body_follows) {
  method_name = find(":method");
  method = method_of(method_name);
  target = find(":path");
  has_body = body_follows;
  if (size_ > limits.head_bytes) return {431, "the request's headers are too large"};
  if (target.size() > limits.target_bytes) return {414, "the request target is too long"};
  // There is no absolute form here, and CONNECT has no path at all.
  if (!target.starts_with('/') || !split_target(*this)) return {400, "malformed request target"};
  auto host = find("host");
  auto authority = find(":authority");
  if (host.empty() && authority.empty()) return {400, "a request names its Host once"};
  if (!host.empty() && !authority.empty() && !same_word(host, authority))
    return {400, "a request names its Host once"};
  bool expects = false;
  for (auto expect : values("expect")) {
    if (!expect.empty() && !same_word(expect, "100-continue"))
      return {417, "the only expectation known here is 100-continue"};
    expects = expects || !expect.empty();
  }
  content_length = length_of(find("content-length"));
  if (content_length == 0) has_body = false;
  expects_continue = has_body && expects;
  return {};
}

}  // namespace ncps::http
