// The head of a request, from bytes to what it asks for. Pure, and strict: whatever two readers of
// HTTP could understand differently is refused (request smuggling lives there).
//
// Source: RFC 9112 sections 2, 3, 5 and 6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/request.h"
#include "http/request_target.h"

namespace ncps::http {

// Looks for the end of a head while its bytes arrive; each byte is looked at once.
class HeadScanner {
 public:
  enum class State : std::uint8_t { incomplete, complete, malformed };

  // `text`: all bytes of the head so far (and maybe more behind it); it only grows between calls.
  // malformed: a line that ends without CR, or a folded line.
  State scan(std::string_view text);

  std::size_t size() const noexcept { return scanned_; }  // of the complete head, with empty line
  std::size_t first_line() const noexcept { return first_line_; }  // its end; 0 while unknown
  void reset() noexcept { *this = {}; }

 private:
  std::size_t scanned_ = 0;
  std::size_t line_ = 0;  // where the current line begins
  std::size_t first_line_ = 0;
};

struct RequestHead final : Request {
  std::string_view header(std::string_view name) const override;

  // Of all headers of that name (any case), in their order; empty ones, too.
  std::vector<std::string_view> values(std::string_view name) const;

  std::string_view lines;         // the header lines, each with CRLF
  bool http_1_0 = false;          // otherwise 1.1
  bool keep_alive = false;        // as the client wants it
  bool has_body = false;          // Content-Length > 0, or chunked
  bool expects_continue = false;  // and has a body
};

// Reads a complete head (as HeadScanner found it) into `head`, whose views point into `text`.
// Refuses with 400, 414, 417, 501 or 505.
Refusal read_head(std::string_view text, std::size_t max_target_bytes, RequestHead& head);

}  // namespace ncps::http
