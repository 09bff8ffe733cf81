// How a response begins on the wire. Source: RFC 9112 sections 4 and 6. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/response.h"

namespace ncps::http {

// How a reader knows where the body ends.
enum class Framing : std::uint8_t {
  none,         // there is no body, and no header about one
  length,       // Content-Length
  chunked,      // Transfer-Encoding: chunked
  until_close,  // HTTP/1.0: the connection's end
};

enum class ConnectionHeader : std::uint8_t { none, close, keep_alive };

// False for 1xx, 204 and 304: a body there would be read as the next response.
bool may_have_body(unsigned status) noexcept;

void append_status_line(std::string& out, unsigned status);
void append_headers(std::string& out, const std::vector<Header>& headers);
void append_content_length(std::string& out, std::uint64_t length);

// "Connection: …\r\n", or nothing.
std::string_view connection_line(ConnectionHeader connection) noexcept;

// The whole head with its empty line. `length` counts for Framing::length only; `date_line` ends in
// CRLF.
std::string render_head(const Response& response, Framing framing, std::uint64_t length,
                        std::string_view date_line, ConnectionHeader connection);

// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", rendered once per second. One per thread.
class DateLine {
 public:
  static constexpr std::size_t kSize = 37;

  // For now; valid until the next call.
  std::string_view text();

 private:
  std::int64_t second_ = -1;
  char text_[kSize] = {};
};

// The same for a time in seconds since 1970: the pure part.
void render_date_line(std::int64_t second, char (&out)[DateLine::kSize]);

}  // namespace ncps::http
