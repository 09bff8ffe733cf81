#include "config/read_peers.h"

#include "base/duration.h"
#include "peer/peer_url.h"

namespace ncps::config {
namespace {

constexpr std::size_t kShortest = 16;  // characters of a secret

Result<std::string> parse_secret(std::string_view text) {
  if (text.size() < kShortest)
    return fail(ErrorKind::invalid, "is too short for a secret: give at least 16 characters");
  return std::string(text);
}

Result<std::chrono::milliseconds> parse_patience(std::string_view text) {
  TRY(auto time, parse_duration_ms(text));
  if (time < std::chrono::seconds(1)) return fail(ErrorKind::invalid, "must be at least 1s");
  return time;
}

}  // namespace

void read_peers(Reader& read, ServeOptions& into) {
  read.one("--cache-peer-secret", into.peer_secret, parse_secret);
  read.one("--cache-advertise-url", into.advertise_url, peer::parse_peer_url);
  read.one("--cache-download-poll-timeout", into.poll_timeout, parse_patience);
}

}  // namespace ncps::config
