#include "telemetry/collector_url.h"

#include <algorithm>
#include <charconv>

namespace ncps::telemetry {
namespace {

constexpr std::uint16_t kPlainPort = 4317;
constexpr std::uint16_t kTlsPort = 443;

bool is_host(std::string_view host) {
  bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.size() > 253) return false;
  return std::ranges::all_of(host, [&](unsigned char c) {
    bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    return plain || c == '.' || (bracketed ? c == ':' || c == '%' : c == '-' || c == '_');
  });
}

}  // namespace

std::string CollectorUrl::str() const {
  return (tls ? "https://" : "http://") + host + ":" + std::to_string(port);
}

Result<CollectorUrl> parse_collector_url(std::string_view text) {
  auto wrong = [](std::string_view why) {
    return fail(ErrorKind::invalid,
                std::string(why) + "; write http://host:4317 (plain) or https://host:port (TLS)");
  };
  CollectorUrl url;
  auto colon = text.find("://");
  if (colon != text.npos) {
    auto scheme = text.substr(0, colon);
    if (scheme != "http" && scheme != "https") return wrong("is neither http nor https");
    url.tls = scheme == "https";
    text.remove_prefix(colon + 3);
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  if (text.find('@') != text.npos)
    return wrong("has a user or a password, which belong into OTEL_EXPORTER_OTLP_HEADERS");
  if (text.find_first_of("/?#") != text.npos)
    return wrong("has a path or a query, which mean nothing to gRPC");
  url.port = url.tls ? kTlsPort : kPlainPort;
  auto bracket = text.rfind(']');
  colon = text.rfind(':');
  if (colon != text.npos && (bracket == text.npos || colon > bracket)) {
    auto digits = text.substr(colon + 1);
    auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (ec != std::errc() || end != digits.data() + digits.size() || url.port == 0)
      return wrong("has a port that is none");
    text = text.substr(0, colon);
  }
  if (!is_host(text)) return wrong("names no host");
  url.host = text;
  return url;
}

}  // namespace ncps::telemetry
