// HttpClient: what an HttpUpstream needs of HTTP. Implementation: upstream/curl.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "rt/byte_source.h"
#include "rt/deadline.h"
#include "upstream/decode.h"

namespace ncps::upstream {

enum class Verb : std::uint8_t { get, head };
struct HttpTimeouts {
  std::chrono::milliseconds connect{3'000};
  std::chrono::milliseconds head{3'000};    // beyond that, to the end of the answer's head
  std::chrono::milliseconds stall{10'000};  // without one byte of a body that we are ready to read
};

struct HttpRequest {
  std::string url;
  Verb verb = Verb::get;
  std::uint64_t first_byte = 0;  // > 0: Range: bytes=N-
  Decode decode = Decode::no;
  HttpTimeouts timeouts;
  std::string netrc_file;  // user names and passwords by host, netrc(5); empty: none
};

struct ContentRange {
  std::uint64_t first;
  std::optional<std::uint64_t> total;
};

struct HttpAnswer {
  int status = 0;  // after redirects, at most 10
  std::optional<std::uint64_t> content_length;
  std::optional<ContentRange> content_range;
  bool encoded = false;  // has a Content-Encoding, and it is not undone
  std::optional<std::chrono::seconds> retry_after;
  std::unique_ptr<ByteSource> body;  // destroying it ends the transfer
};

// What a failure without an answer tells about the server.
enum class Blame : std::uint8_t {
  unreachable,  // no connection, no TLS, or no head in time
  broken,       // it was reached; then the connection or what it said was no good
  nobody,       // our caller's time was up, we are stopping, or something of ours failed
};

struct HttpFailure {
  Error error;
  Blame blame;
};
using HttpResult = std::expected<HttpAnswer, HttpFailure>;

class HttpClient {
 public:
  virtual ~HttpClient() = default;

  // Returns once the head of the answer is there, whatever its status. Errors: upstream (no
  // connection, a broken answer), timeout. The body's Errors are the same; its clean end is a
  // complete body. Thread-safe.
  virtual boost::asio::awaitable<HttpResult> fetch(HttpRequest request, Deadline deadline) = 0;

  // Ends all transfers with an Error, and every later one at once. Thread-safe.
  virtual void stop() = 0;
};

// Values of header fields, as far as we use them; absent if malformed.
std::optional<ContentRange> parse_content_range(std::string_view value);  // RFC 9110 section 14.4
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value);  // seconds only

}  // namespace ncps::upstream
