#include "config/read_server.h"

#include <algorithm>

#include "base/byte_size.h"
#include "base/duration.h"

namespace ncps::config {
namespace {

using std::chrono::seconds;

// A deadline is looked at once a second.
Result<seconds> parse_seconds(std::string_view text) {
  TRY(auto time, parse_duration_ms(text));
  if (time < seconds(1) || time > std::chrono::hours(24))
    return fail(ErrorKind::invalid, "must be 1s to 24h");
  return std::chrono::ceil<seconds>(time);
}

Result<std::size_t> parse_some(std::string_view text) {
  TRY(auto count, parse_count(text));
  if (count == 0) return fail(ErrorKind::invalid, "must be at least 1");
  return count;
}

// Each of them needs memory and descriptors.
Result<std::size_t> parse_at_once(std::string_view text) {
  TRY(auto count, parse_some(text));
  if (count > 4096) return fail(ErrorKind::invalid, "must be 1 to 4096");
  return count;
}

auto count_between(std::uint64_t least, std::uint64_t most, std::string_view what) {
  return [=](std::string_view text) -> Result<std::size_t> {
    TRY(auto count, parse_count(text));
    if (count < least || count > most) return fail(ErrorKind::invalid, std::string(what));
    return std::size_t{count};
  };
}

Result<std::size_t> parse_number(std::string_view text) {
  TRY(auto count, parse_count(text));
  return std::size_t{count};
}

auto between(std::uint64_t least, std::uint64_t most, std::string_view what) {
  return [=](std::string_view text) -> Result<std::size_t> {
    TRY(auto size, parse_byte_size(text));
    if (size < least || size > most) return fail(ErrorKind::invalid, std::string(what));
    return static_cast<std::size_t>(size);
  };
}

Result<http::HopHeader> parse_hop_header(std::string_view text) {
  using enum http::HopHeader;
  for (auto one : {x_forwarded_for, forwarded})
    if (text == http::name_of(one)) return one;
  return fail(ErrorKind::invalid, "is none that is read; write X-Forwarded-For or Forwarded");
}

}  // namespace

void read_server(Reader& read, ServeOptions& into) {
  auto& limits = into.server;
  read.one("--server-max-connections", limits.max_connections, parse_some);
  read.one("--server-max-connections-per-client", limits.max_per_client, parse_number);
  read.one("--server-max-header-size", limits.max_head_bytes,
           between(4 << 10, 1 << 20, "must be 4K to 1M"));
  read.one("--server-max-target-size", limits.max_target_bytes,
           between(1 << 10, 64 << 10, "must be 1K to 64K"));
  read.one(
      "--server-http2-max-streams", limits.max_streams,
      count_between(1, 2048, "must be 1 to 2048"));  // h2::Machine::kMostQueued holds their answers
  read.one("--server-header-timeout", limits.head_timeout, parse_seconds);
  read.one("--server-body-timeout", limits.body_timeout, parse_seconds);
  read.one("--server-idle-timeout", limits.idle_timeout, parse_seconds);
  read.one("--server-write-timeout", limits.write_timeout, parse_seconds);
  auto& proxies = into.proxies;
  read.many("--server-proxy-protocol-from", proxies.send_header, http::parse_network);
  read.one("--server-proxy-header-timeout", proxies.header_timeout, parse_seconds);
  read.many("--server-trusted-proxies", proxies.trusted, http::parse_network);
  read.one("--server-forwarded-header", proxies.named_by, parse_hop_header);
  read.one("--cache-max-downloads", into.max_downloads, parse_at_once);
  read.one("--cache-max-queued-downloads", into.max_queued_downloads, parse_number);
  read.one("--cache-max-uploads", into.max_uploads, parse_at_once);
  read.one("--cache-max-queued-uploads", into.max_queued_uploads, parse_number);
  read.one("--cache-max-narinfo-searches", into.max_narinfo_searches,
           count_between(1, 65'536, "must be 1 to 65536"));
  read.one("--cache-max-temp-size", into.max_temp_size, parse_byte_size);
  read.one("--cache-max-narinfo-size", into.max_narinfo_size,
           between(4 << 10, nix::kMaxNarInfoBytes, "must be 4K to 1M"));
}

}  // namespace ncps::config
