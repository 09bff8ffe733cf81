#include "http/forwarded.h"

#include <algorithm>
#include <string>
#include <vector>

#include "http/text.h"

namespace ncps::http {
namespace {

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "192.0.2.7", "192.0.2.7:80", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:80".
std::optional<IpAddress> parse_hop(std::string_view text) {
  if (text.starts_with('[')) {
    auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    auto inside = text.substr(1, end - 1), behind = text.substr(end + 1);
    bool fits = behind.empty() || (behind[0] == ':' && is_port(behind.substr(1)));
    return fits && inside.contains(':') ? IpAddress::parse(inside) : std::nullopt;
  }
  if (auto colon = text.find(':'); colon != std::string_view::npos && colon == text.rfind(':')) {
    if (!is_port(text.substr(colon + 1))) return std::nullopt;
    text = text.substr(0, colon);
  }
  return IpAddress::parse(text);
}

// The hops of one header, from its left; nullopt among them: no address.
using Hops = std::vector<std::optional<IpAddress>>;

Hops hops_of_list(std::string_view value) {
  Hops hops;
  for (;;) {
    auto comma = value.find(',');
    auto one = trimmed(value.substr(0, comma));
    if (!one.empty()) hops.push_back(parse_hop(one));  // empty elements of a list say nothing
    if (comma == std::string_view::npos) return hops;
    value.remove_prefix(comma + 1);
  }
}

bool is_token(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || kMarks.contains(c);
}

std::string_view take_token(std::string_view& in) {
  auto end = std::ranges::find_if_not(in, is_token) - in.begin();
  auto token = in.substr(0, static_cast<std::size_t>(end));
  in.remove_prefix(token.size());
  return token;
}

void skip_space(std::string_view& in) {
  in.remove_prefix(std::min(in.find_first_not_of(" \t"), in.size()));
}

// A token or a quoted string. nullopt: neither.
std::optional<std::string> take_value(std::string_view& in) {
  if (!in.starts_with('"')) {
    auto token = take_token(in);
    return token.empty() ? std::nullopt : std::optional<std::string>(token);
  }
  std::string value;
  for (in.remove_prefix(1); !in.empty(); in.remove_prefix(1)) {
    if (in[0] == '"') {
      in.remove_prefix(1);
      return value;
    }
    if (in[0] == '\\') in.remove_prefix(1);
    if (in.empty()) break;
    value += in[0];
  }
  return std::nullopt;
}

// "for=192.0.2.7;proto=http, for="[2001:db8::7]:80"". Where the grammar is broken, all of the header
// is: a quote that does not end would take the elements of our own proxies into itself.
Hops hops_of_elements(std::string_view value) {
  const Hops broken{std::nullopt};
  Hops hops;
  std::optional<std::string> hop;  // of this element
  bool element = false;            // it has some pair
  for (;;) {
    skip_space(value);
    if (auto name = take_token(value); !name.empty()) {
      if (!value.starts_with('=')) return broken;
      value.remove_prefix(1);
      auto told = take_value(value);
      if (!told) return broken;
      if (same_word(name, "for")) {
        if (hop) return broken;
        hop = std::move(*told);
      }
      element = true;
      skip_space(value);
    }
    if (value.starts_with(';')) {
      value.remove_prefix(1);
      continue;
    }
    if (!value.empty() && value[0] != ',') return broken;
    if (element) hops.push_back(hop ? parse_hop(*hop) : std::nullopt);
    hop.reset();
    element = false;
    if (value.empty()) return hops;
    value.remove_prefix(1);
  }
}

}  // namespace

std::string_view name_of(HopHeader header) noexcept {
  return header == HopHeader::forwarded ? "Forwarded" : "X-Forwarded-For";
}

std::optional<IpAddress> client_behind(std::span<const std::string_view> values, HopHeader header,
                                       std::span<const Network> trusted) {
  std::optional<IpAddress> nearest;
  std::size_t seen = 0;
  for (; !values.empty(); values = values.first(values.size() - 1)) {
    auto hops = header == HopHeader::forwarded ? hops_of_elements(values.back())
                                               : hops_of_list(values.back());
    for (; !hops.empty(); hops.pop_back()) {
      if (!hops.back()) return nearest;
      nearest = hops.back();
      if (!contains(trusted, nearest) || ++seen == kMostHops) return nearest;
    }
  }
  return nearest;
}

}  // namespace ncps::http
