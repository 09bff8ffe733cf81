// Writes one Response to a connection. A body that cannot be finished ends the connection with RST:
// nobody takes what came for the whole.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string_view>

#include "http/connection.h"
#include "http/response.h"
#include "http/response_head.h"

namespace ncps::http {

// What of the request decides how the response is framed.
struct Reply {
  bool head_only = false;  // HEAD: the same headers without the body
  bool http_1_0 = false;
  bool close = false;                          // the connection ends after this response
  ConnectionHeader connection_header() const;  // HTTP/1.0 must be told that we keep it open
};

// How long the body is, and how a reader knows. Not of a Prepared, which says it itself.
struct Frame {
  Framing framing;
  std::uint64_t length;  // for Framing::length only
};
Frame frame_of(const Response& response, Reply reply);

struct Written {
  bool complete = false;         // otherwise the connection has been aborted
  bool close = false;            // the connection must end: that is where the body ends
  std::uint64_t body_bytes = 0;  // handed to the kernel
};

// `target` is for the log. `response` stays alive until the task has ended.
boost::asio::awaitable<Written> write_response(Connection& connection, DateLine& date, Reply reply,
                                               Response& response, std::string_view target);

}  // namespace ncps::http
