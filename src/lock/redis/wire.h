// The bytes below a Connection: TCP or TLS, with a deadline for each wait. Used by connection.cpp alone.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lock/redis/node_address.h"
#include "lock/redis/tls_context.h"
#include "rt/deadline.h"
#include "rt/task.h"

namespace ncps::redis {

class Wire : public std::enable_shared_from_this<Wire> {
 public:
  Wire(const boost::asio::any_io_executor& executor, NodeAddress address);

  // Errors of all of them: unavailable, timeout. After one it is closed.
  Task<void> connect(Deadline deadline);
  Task<void> shake_hands(std::shared_ptr<TlsContext> tls, Deadline deadline);
  Task<void> write(std::string_view bytes, Deadline deadline);
  Task<std::size_t> read(std::span<char> into, Deadline deadline);  // at least 1

  bool is_open() const noexcept { return socket_.is_open(); }
  void close() noexcept;

 private:
  using ErrorCode = boost::system::error_code;
  class Watch;

  Task<boost::asio::ip::tcp::resolver::results_type> resolve(Deadline deadline);
  Result<void> judge(const ErrorCode& error, const Watch& watch, std::string_view doing);
  std::string why_not_trusted(const ErrorCode& error);

  const NodeAddress address_;
  boost::asio::ip::tcp::socket socket_;
  std::shared_ptr<TlsContext> context_;  // lives as long as the stream
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
};

}  // namespace ncps::redis
