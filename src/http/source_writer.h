// Writes a head and the bytes of a ByteSource to a connection.
//
// A clean end is a complete body (body_account.h).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/body_account.h"
#include "http/connection.h"
#include "http/response_head.h"
#include "rt/byte_source.h"

namespace ncps::http {

// A body that cannot be finished, and not by its client.
void log_broken_body(std::string_view target, std::string_view why);

class SourceWriter {
 public:
  // `length` counts for Framing::length only.
  SourceWriter(Connection& connection, std::string head, Framing framing, std::uint64_t length);
  ~SourceWriter();
  SourceWriter(const SourceWriter&) = delete;
  SourceWriter& operator=(const SourceWriter&) = delete;

  // Once. False: the response is not complete and the connection must be aborted; the reason is
  // logged with `target` if it is not the client's. Adds the body bytes to `sent` as they go.
  boost::asio::awaitable<bool> write(ByteSource& source, std::string_view target,
                                     std::uint64_t& sent);

 private:
  struct WaitingHead;

  boost::asio::awaitable<bool> send_piece(Piece piece, const BodyAccount& account,
                                          std::string_view target, std::uint64_t& sent);
  boost::asio::awaitable<bool> send_end(std::uint64_t& sent);
  std::string_view take_head();

  Connection& connection_;
  const Framing framing_;
  const std::uint64_t length_;
  std::optional<char> last_byte_;
  std::shared_ptr<WaitingHead> head_;
};

}  // namespace ncps::http
