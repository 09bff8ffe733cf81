// What a handler answers. The server adds Date, Content-Length or Transfer-Encoding, and
// Connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rt/byte_source.h"
#include "telemetry/metrics.h"

namespace ncps::http {

struct Header {
  std::string_view name;  // a literal
  std::string value;      // no CR or LF
};

// A response that is rendered once and sent many times: two strings that are only written to
// sockets.
struct Prepared {
  unsigned status;
  std::string
      head;  // status line and headers, each with CRLF, with Content-Length, without the last CRLF
  std::string body;
};

// A file that was looked at within this second, with what comes before it: nothing is to be found out any more.
struct PreparedFile {
  std::shared_ptr<const Prepared> head;  // its Content-Length is the file's; without a body
  std::shared_ptr<const void> owner;     // keeps the descriptor open
  FileSpan span;
};

struct Response {
  unsigned status = 200;
  std::vector<Header> headers;

  // monostate: no body. As the answer to HEAD: Content-Length is `length`, or absent with it.
  // ByteSource: if it fails or ends short, the connection is aborted: a clean end is a complete
  // body. Prepared, PreparedFile: status and headers above are ignored.
  std::variant<std::monostate, std::string, std::shared_ptr<const Prepared>, PreparedFile,
               std::unique_ptr<ByteSource>>
      body;

  // Bytes that the ByteSource will give. Absent: sent chunked (HTTP/1.1), or until close
  // (HTTP/1.0).
  std::optional<std::uint64_t> length;

  // For the log: "hit", "memory", "miss", "negative", "inflight", "peer", "redirect"; empty: no object.
  std::string_view cache;
  std::string upstream;  // for the log: where it has just come from; empty: from nowhere

  metrics::Counter sent;  // counts the bytes of the body that were sent

  // For traces: the pattern that the path follows, "/nar/{name}"; a literal. Empty: none of ours.
  std::string_view route;
};

// What was prepared of it; nullptr: nothing was.
const Prepared* prepared_of(const Response& response) noexcept;
unsigned status_of(const Response& response) noexcept;

// Renders status line and headers for a Prepared.
std::shared_ptr<const Prepared> prepare(unsigned status, const std::vector<Header>& headers,
                                        std::string body);

// The same for a PreparedFile of so many bytes.
std::shared_ptr<const Prepared> prepare_file(const std::vector<Header>& headers,
                                             std::uint64_t length);

// The 304 for a client that has what `whole` would give. REQUIRES: it was prepared, with a body.
std::shared_ptr<const Prepared> not_modified(const Prepared& whole);

// A short text body: "<what>\n", text/plain, and Cache-Control: no-store from 400 on.
Response text_response(unsigned status, std::string_view what);

std::string_view reason_phrase(unsigned status) noexcept;

}  // namespace ncps::http
