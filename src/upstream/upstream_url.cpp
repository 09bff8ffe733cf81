#include "upstream/upstream_url.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "fetch/origin.h"

namespace ncps::upstream {
namespace {

std::string lower_scheme(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (c == ':') break;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool absolute(std::string_view url) {
  auto scheme = lower_scheme(url.substr(0, std::string_view("https://").size()));
  return scheme.starts_with("http://") || scheme.starts_with("https://");
}

// "host", "host:port", "[v6]" or "[v6]:port". What is no port may be a piece of a password with an
// unencoded '/', '?' or '#', and must not be taken for a host's, and shown.
bool is_host_and_port(std::string_view text) {
  auto host =
      text.starts_with('[') ? text.substr(0, text.find(']') + 1) : text.substr(0, text.find(':'));
  if (host.empty() || host == "[]") return false;
  auto port = text.substr(host.size());
  if (port.empty() || port == ":") return true;
  std::uint16_t number = 0;
  auto [end, ec] = std::from_chars(port.data() + 1, port.data() + port.size(), number);
  return port.front() == ':' && ec == std::errc() && end == port.data() + port.size();
}

// "/12/secret@host" may be the rest of a password with an unencoded '/', '?' or '#', whose beginning would be
// shown; "/@scope/x" is a path, and a query may hold an '@' where there is no user.
bool may_hold_a_password(std::string_view authority, std::string_view rest) {
  if (!authority.contains('@')) rest = rest.substr(0, rest.find_first_of("?#"));
  for (std::size_t at = 1; at < rest.size(); ++at)
    if (rest[at] == '@' && rest[at - 1] != '/') return true;
  return false;
}

// curl takes no URL with an '@' in its password, other programs do.
std::string with_one_at_sign(std::string_view authority) {
  auto last = authority.rfind('@');
  std::string out;
  for (std::size_t i = 0; i < authority.size(); ++i) {
    if (authority[i] == '@' && i != last) {
      out += "%40";
    } else {
      out += authority[i];
    }
  }
  return out;
}

Result<int> parse_priority(std::string_view text) {
  int value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || value < 0 || value > 65535) {
    return fail(ErrorKind::invalid, "priority is no number from 0 to 65535");
  }
  return value;
}

// Takes priority=N out of the query.
Result<std::optional<int>> take_priority(std::string& query) {
  std::optional<int> found;
  std::string rest;
  for (std::string_view left = query; !left.empty();) {
    auto item = left.substr(0, left.find('&'));
    left.remove_prefix(std::min(left.size(), item.size() + 1));
    if (item.starts_with("priority=")) {
      TRY(found, parse_priority(item.substr(9)));
    } else if (!item.empty()) {
      rest.append(rest.empty() ? "" : "&").append(item);
    }
  }
  query = std::move(rest);
  return found;
}

}  // namespace

std::string masked_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  auto scheme = url.find("://");
  auto authority = scheme == url.npos ? 0 : scheme + 3;
  auto at = url.substr(authority, url.find('/', authority) - authority).rfind('@');
  if (at == url.npos) return std::string(url);
  return std::string(url.substr(0, authority)).append(url.substr(authority + at + 1));
}

Result<UpstreamUrl> UpstreamUrl::parse(std::string_view text) {
  UpstreamUrl out;
  auto whole = lower_scheme(text);
  std::string_view rest = whole;
  if (!absolute(rest)) return fail(ErrorKind::invalid, "is no http:// or https:// URL");
  if (std::ranges::any_of(rest, [](unsigned char c) { return c <= 0x20 || c == 0x7f; }))
    return fail(ErrorKind::invalid, "holds white space or a control character");
  auto end = std::min(rest.find_first_of("/?#", rest.find("://") + 3), rest.size());
  if (may_hold_a_password(rest.substr(0, end), rest.substr(end))) {
    return fail(ErrorKind::invalid,
                "has an '@' behind its host; write %40, and %2F for a '/' in a password");
  }
  rest = rest.substr(0, rest.find('#'));
  if (auto mark = rest.find('?'); mark != rest.npos) {
    out.query_ = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  TRY(out.priority_, take_priority(out.query_));
  auto host = rest.find("://") + 3;
  auto slash = std::min(rest.find('/', host), rest.size());
  auto authority = rest.substr(host, slash - host);
  if (!is_host_and_port(authority.substr(authority.rfind('@') + 1)))  // npos + 1 is 0
    return fail(ErrorKind::invalid, "names no host, or a port that is none");
  out.origin_.append(rest.substr(0, host)).append(with_one_at_sign(authority));
  out.path_ = rest.substr(slash);
  while (out.path_.ends_with('/')) out.path_.pop_back();
  out.masked_ = masked_url(out.origin_ + out.path_);
  return out;
}

std::string UpstreamUrl::resolve(std::string_view url) const {
  url = url.substr(0, url.find('#'));
  if (absolute(url)) return std::string(url);
  std::string out = origin_;
  if (!url.starts_with('/')) out.append(path_).push_back('/');
  out.append(url);
  if (!query_.empty()) out.append(url.find('?') == url.npos ? "?" : "&").append(query_);
  return out;
}

bool UpstreamUrl::same_host(std::string_view url) const {
  if (!absolute(url)) return true;
  return fetch::origin_of(url) == fetch::origin_of(origin_);
}

}  // namespace ncps::upstream
