#include "storage/s3/s3_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace ncps::s3 {
namespace {

constexpr std::string_view kDefaultRegion = "us-east-1";

bool lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Servers that are no Amazon's, and Amazon's oldest buckets, allow more than today's rules do.
Result<void> check_bucket(std::string_view bucket) {
  if (bucket.empty()) return fail(ErrorKind::invalid, "the bucket has no name");
  auto good = [](char c) {
    return lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
  };
  if (bucket.size() < 3 || bucket.size() > 255 || !std::ranges::all_of(bucket, good) ||
      bucket.starts_with('.') || bucket.find("..") != bucket.npos)
    return fail(ErrorKind::invalid,
                "the bucket's name has to be 3 to 255 letters, digits, '-', '.' and '_'");
  return {};
}

Result<void> check_region(std::string_view region) {
  auto good = [](char c) {
    return lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
  };
  if (region.size() > 64 || !std::ranges::all_of(region, good))
    return fail(ErrorKind::invalid, "the region holds what no region's name does");
  return {};
}

// "a/b/" of "/a/b", or "".
Result<std::string> parse_prefix(std::string_view text) {
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  if (text.empty()) return std::string();
  if (text.size() > 512) return fail(ErrorKind::invalid, "the key prefix is longer than 512 bytes");
  for (auto rest = text;;) {
    auto segment = rest.substr(0, rest.find('/'));
    if (segment.empty() || segment == "." || segment == "..")
      return fail(ErrorKind::invalid, "the key prefix has an empty, \".\" or \"..\" segment");
    if (segment.size() == rest.size()) break;
    rest.remove_prefix(segment.size() + 1);
  }
  auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(text, control))
    return fail(ErrorKind::invalid, "the key prefix has a control character");
  return std::string(text) + "/";
}

struct Endpoint {
  bool tls = true;
  std::string host;  // lower case; IPv6 in brackets
  std::string port;  // empty: the scheme's
  std::string path;  // "/x", or empty
};

bool is_ipv6(std::string_view host) {
  if (host.contains('\0')) return false;  // would end it for inet_pton
  in6_addr address;
  return inet_pton(AF_INET6, std::string(host).c_str(), &address) == 1;
}

bool is_ipv4(std::string_view host) {
  in_addr address;
  return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
}

bool is_host_name(std::string_view host) {
  auto good = [](char c) { return lower_or_digit(c) || c == '.' || c == '-' || c == '_'; };
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, good) &&
         !host.starts_with('.') && !host.starts_with('-') && host.find("..") == host.npos;
}

Result<void> parse_authority(std::string_view text, Endpoint& out) {
  auto host =
      text.starts_with('[') ? text.substr(0, text.find(']') + 1) : text.substr(0, text.find(':'));
  auto port = text.substr(host.size());
  out.host = lower(host);
  bool good = out.host.starts_with('[')
                  ? out.host.size() > 2 &&
                        is_ipv6(std::string_view(out.host).substr(1, out.host.size() - 2))
                  : is_host_name(out.host);
  if (!good) return fail(ErrorKind::invalid, "the endpoint names no host");
  if (port.empty()) return {};
  port.remove_prefix(1);
  std::uint16_t number = 0;
  auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (text[host.size()] != ':' || ec != std::errc() || end != port.data() + port.size() ||
      number == 0)
    return fail(ErrorKind::invalid, "the endpoint's port is no number from 1 to 65535");
  if (number != (out.tls ? 443 : 80)) out.port = std::to_string(number);
  return {};
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint out;
  if (auto scheme = text.find("://"); scheme != text.npos) {
    auto name = lower(text.substr(0, scheme));
    if (name != "http" && name != "https")
      return fail(ErrorKind::invalid, "the endpoint is neither http:// nor https://");
    out.tls = name == "https";
    text.remove_prefix(scheme + 3);
  }
  if (text.find('@') != text.npos)
    return fail(ErrorKind::invalid,
                "the endpoint has a user or a password: keys are options of their own");
  if (text.find_first_of("?#") != text.npos)
    return fail(ErrorKind::invalid, "the endpoint has a query or a fragment");
  auto outside = [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\' || c == '%';
  };
  if (std::ranges::any_of(text, outside))
    return fail(ErrorKind::invalid, "the endpoint holds white space, '\\' or '%'");
  auto slash = std::min(text.find('/'), text.size());
  TRY(parse_authority(text.substr(0, slash), out));
  out.path = text.substr(slash);
  while (out.path.ends_with('/')) out.path.pop_back();
  return out;
}

bool ends_with_label(std::string_view host, std::string_view domain) {
  return host == domain || (host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.');
}

bool is_amazon(std::string_view host) {
  return ends_with_label(host, "amazonaws.com") || ends_with_label(host, "amazonaws.com.cn");
}

bool wants_bucket_in_host(std::string_view host) {
  return is_amazon(host) || ends_with_label(host, "storage.googleapis.com") ||
         ends_with_label(host, "aliyuncs.com");
}

// "eu-west-1" of s3.eu-west-1.amazonaws.com, s3.dualstack.eu-west-1.… and s3-fips.eu-west-1.…
std::optional<std::string> region_in(std::string_view host) {
  if (!is_amazon(host)) return std::nullopt;
  auto rest = host.substr(0, host.find(".amazonaws.com"));
  auto dot = rest.rfind('.');
  if (dot == rest.npos || !rest.starts_with("s3")) return std::nullopt;
  return std::string(rest.substr(dot + 1));
}

}  // namespace

Result<Address> Address::parse(const AddressOptions& options) {
  Address out;
  TRY(check_bucket(options.bucket));
  TRY(check_region(options.region));
  TRY(out.prefix_, parse_prefix(options.key_prefix));
  out.bucket_ = options.bucket;
  out.region_ = options.region;
  Endpoint endpoint;
  endpoint.host = "s3.amazonaws.com";
  if (!options.endpoint.empty()) {
    TRY(endpoint, parse_endpoint(options.endpoint));
  }
  if (out.region_.empty())
    out.region_ = region_in(endpoint.host).value_or(std::string(kDefaultRegion));
  // The global name answers for other regions with a redirect that no signature survives.
  if (endpoint.host == "s3.amazonaws.com") {
    bool china = out.region_.starts_with("cn-");
    endpoint.host = fmt::format("s3.{}.amazonaws.com{}", lower(out.region_), china ? ".cn" : "");
  }
  bool dotted = options.bucket.find('.') != options.bucket.npos;
  bool path_style = options.force_path_style == ForcePathStyle::yes ||
                    !wants_bucket_in_host(endpoint.host) || is_ipv4(endpoint.host) ||
                    (dotted && endpoint.tls) || !is_host_name(options.bucket);
  out.host_ = path_style ? endpoint.host : options.bucket + "." + endpoint.host;
  if (!endpoint.port.empty()) out.host_ += ":" + endpoint.port;
  out.origin_ = (endpoint.tls ? "https://" : "http://") + out.host_;
  out.bucket_path_ = endpoint.path + "/" + (path_style ? options.bucket : "");
  return out;
}

std::string Address::object_path(std::string_view key) const {
  auto path = bucket_path_;
  if (!path.ends_with('/')) path += '/';
  return path.append(prefix_).append(key);
}

std::string_view Address::own_key(std::string_view full_key) const {
  if (!full_key.starts_with(prefix_)) return {};
  return full_key.substr(prefix_.size());
}

std::string Address::name() const {
  auto prefix = std::string_view(prefix_).substr(0, prefix_.empty() ? 0 : prefix_.size() - 1);
  return fmt::format("{}{}{} at {}", bucket_, prefix.empty() ? "" : "/", prefix, origin_);
}

}  // namespace ncps::s3
