#include "http/forwarded.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
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

struct Hop {
  std::optional<IpAddress> address;  // nullopt: it is none
  std::optional<Scheme> scheme;
};

// The hops of one header, from its left.
using Hops = std::vector<Hop>;

Hops hops_of_list(std::string_view value) {
  Hops hops;
  for (;;) {
    auto comma = value.find(',');
    auto one = trimmed(value.substr(0, comma));
    if (!one.empty())
      hops.push_back({.address = parse_hop(one)});  // empty elements of a list say nothing
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
  Hops broken(1);
  Hops hops;
  std::optional<std::string> hop, proto;  // of this element
  bool element = false;                   // it has some pair
  for (;;) {
    skip_space(value);
    if (auto name = take_token(value); !name.empty()) {
      if (!value.starts_with('=')) return broken;
      value.remove_prefix(1);
      auto told = take_value(value);
      if (!told) return broken;
      for (auto [known, place] : {std::pair("for", &hop), std::pair("proto", &proto)}) {
        if (!same_word(name, known)) continue;
        if (*place) return broken;
        *place = std::move(*told);
        break;
      }
      element = true;
      skip_space(value);
    }
    if (value.starts_with(';')) {
      value.remove_prefix(1);
      continue;
    }
    if (!value.empty() && value[0] != ',') return broken;
    if (element) hops.push_back({hop.and_then(parse_hop), proto.and_then(parse_scheme)});
    hop.reset();
    proto.reset();
    element = false;
    if (value.empty()) return hops;
    value.remove_prefix(1);
  }
}

}  // namespace

std::string_view name_of(HopHeader header) noexcept {
  return header == HopHeader::forwarded ? "Forwarded" : "X-Forwarded-For";
}

Behind client_behind(std::span<const std::string_view> values, HopHeader header,
                     std::span<const Network> trusted) {
  Behind behind;
  std::size_t seen = 0;
  for (; !values.empty(); values = values.first(values.size() - 1)) {
    auto hops = header == HopHeader::forwarded ? hops_of_elements(values.back())
                                               : hops_of_list(values.back());
    for (; !hops.empty(); hops.pop_back()) {
      const auto& hop = hops.back();
      if (hop.scheme) behind.scheme = hop.scheme;
      if (!hop.address) return behind;
      behind.client = hop.address;
      if (!contains(trusted, hop.address) || ++seen == kMostHops) return behind;
    }
  }
  return behind;
}

std::optional<Scheme> forwarded_scheme(std::span<const std::string_view> values) {
  if (values.empty()) return std::nullopt;
  auto last = values.back();
  return parse_scheme(trimmed(last.substr(last.rfind(',') + 1)));
}

}  // namespace ncps::http
