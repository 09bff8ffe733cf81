// Writes a head and the bytes of a ByteSource to a connection.
//
// A clean end is a complete body: with a known length the last byte is kept back until the source
// has said that it is at its end, so that a check which fails there (a hash) still breaks the
// transfer. Of a SureSource nothing is kept back.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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

  bool account(std::uint64_t size, std::string_view target);
  boost::asio::awaitable<bool> send_piece(Piece piece, std::string_view target,
                                          std::uint64_t& sent);
  boost::asio::awaitable<bool> send_end(std::string_view target, std::uint64_t& sent);
  std::string_view take_head();

  Connection& connection_;
  const Framing framing_;
  std::uint64_t left_;  // bytes that the source still owes
  std::optional<char> last_byte_;
  bool sure_ = false;
  std::shared_ptr<WaitingHead> head_;
};

}  // namespace ncps::http
