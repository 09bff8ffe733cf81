// One HTTP request, as handlers see it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/scheme.h"
#include "rt/byte_source.h"

namespace ncps::http {

enum class Method : std::uint8_t { get, head, put, post, delete_, other };

// Views point into the connection's buffer: valid until the handler has returned its Response.
class Request {
 public:
  virtual ~Request() = default;

  Method method = Method::other;
  std::string_view method_name;  // as sent
  std::string_view target;       // as sent: path and query
  std::string_view path;         // before the '?', still percent-encoded; begins with '/'
  std::string_view query;        // after the '?', or empty
  std::string_view client;       // address of the peer, without port
  Scheme scheme = Scheme::http;  // by which the client asked, as far as we and our proxies know
  std::span<const std::string>
      certificate;  // names of the client's, verified (certificates.h); empty: none was shown
  std::optional<std::uint64_t> content_length;  // as the client says; absent: no body, or chunked

  // Absent: there is none, or it is empty. To be read at most once, and only until the handler has
  // returned; "Expect: 100-continue" is answered when the reading begins. After an Error of it
  // whatever the handler answers is of no matter.
  ByteSource* body = nullptr;

  // The value of the first header of that name (any case), or empty.
  virtual std::string_view header(std::string_view name) const = 0;
};

}  // namespace ncps::http
