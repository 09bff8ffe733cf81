// HttpClient: HTTP as a client sees it. Implementation: fetch/curl.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "fetch/decode.h"
#include "fetch/elsewhere.h"
#include "rt/byte_source.h"
#include "rt/deadline.h"

namespace ncps::fetch {

enum class Verb : std::uint8_t { get, head, put, post, del };
enum class Redirects : bool { none, follow };  // at most 10; only for get and head
enum class Proxies : bool { none, environment };

struct HttpTimeouts {
  std::chrono::milliseconds connect{3'000};
  std::chrono::milliseconds head{3'000};    // beyond that, to the end of the answer's head; with a
                                            // body: from when the last of it was taken
  std::chrono::milliseconds stall{10'000};  // without one byte of a body that we are ready to read
  friend bool operator==(const HttpTimeouts&, const HttpTimeouts&) = default;
};

// A stretch of a file as a body. It is read while it is sent, so it must not change until then.
struct FileBody {
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // bytes; a file that is shorter fails the request
};
using Body = std::variant<std::monostate, std::string, FileBody>;

// How many bytes it has.
std::uint64_t body_size(const Body& body) noexcept;

struct HttpRequest {
  std::string url;
  Verb verb = Verb::get;
  std::uint64_t first_byte = 0;  // > 0: Range: bytes=N-
  Decode decode = Decode::no;
  HttpTimeouts timeouts;
  std::string netrc_file;  // user names and passwords by host, netrc(5); empty: none
  std::vector<std::pair<std::string, std::string>> headers;  // added; no Content-Type but from here
  Body body;                                                 // only of put and post
  Redirects redirects = Redirects::follow;
  Proxies proxies = Proxies::environment;
  // Where redirects may lead; and `url` itself, if it is not of the host of `home`: whoever is there told it.
  Elsewhere elsewhere = Elsewhere::any;
  std::string home;  // a URL; empty: `url`
};

struct ContentRange {
  std::uint64_t first;
  std::optional<std::uint64_t> total;
};

struct HttpAnswer {
  int status = 0;  // after redirects, if they are followed
  std::optional<std::uint64_t> content_length;
  std::optional<ContentRange> content_range;
  bool encoded = false;  // has a Content-Encoding, and it is not undone
  std::optional<std::chrono::seconds> retry_after;
  std::string etag;                  // with its quotes; empty: none
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

  struct Load {
    std::size_t running = 0, waiting = 0;  // transfers; waiting: for a connection
  };
  // A moment ago.
  virtual Load load() const noexcept { return {}; }

  // Ends all transfers with an Error, and every later one at once. Thread-safe.
  virtual void stop() = 0;
};

// Values of header fields, as far as we use them; absent if malformed.
std::optional<ContentRange> parse_content_range(std::string_view value);  // RFC 9110 section 14.4
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value);  // seconds only

}  // namespace ncps::fetch
