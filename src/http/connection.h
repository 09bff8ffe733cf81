// One connection (TCP or Unix), non-blocking: bytes in, bytes and files out, a deadline, and the
// ways to end. With TLS beneath, once shake_hands() has succeeded.
//
// Belongs to one io thread; every method is called there. There is no timer in it: whoever owns
// connections calls check_deadline() on them about once a second (SessionLoop does).
#pragma once

#include <sys/uio.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/on_the_way.h"
#include "http/tls_stream.h"
#include "rt/byte_source.h"
#include "rt/offload.h"
#include "rt/task.h"

namespace ncps::http {

// steady_clock's time, some milliseconds late and nearly free.
std::chrono::steady_clock::time_point coarse_now() noexcept;

inline iovec part(std::string_view text) noexcept {
  return {const_cast<char*>(text.data()), text.size()};
}

// Moves `parts`, and the iovecs in it, past so many bytes, and past empty ones in front.
void skip(std::span<iovec>& parts, std::size_t bytes) noexcept;

enum class More : bool { no, yes };  // yes: the kernel may wait up to 200 ms for bytes to add

class Connection {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using TimePoint = std::chrono::steady_clock::time_point;

  // `write_timeout`: how long a client may take no byte of what is being sent. The others outlive this.
  Connection(Socket socket, Pool& disk, FileSends& sends, std::chrono::milliseconds write_timeout);

  bool open() const noexcept { return socket_.is_open(); }
  boost::asio::any_io_executor executor() { return socket_.get_executor(); }

  // From now on TLS. REQUIRES: nothing has been sent or received. nullopt: it is there; otherwise
  // why not, and in the log why: the connection is a plain one then, for what is left to say. Ends
  // when receive() would.
  boost::asio::awaitable<std::optional<TlsFailure>> shake_hands(
      std::shared_ptr<const TlsContext> context);

  bool is_tls() const noexcept { return tls_ != nullptr; }

  // Of the client's verified certificate; empty: plain, or it has shown none.
  std::vector<std::string> certificate_names() const;

  // Waits for bytes and returns how many came. 0: none will (end, failure), or the wait was ended
  // by the deadline (timed_out()) or by interrupt().
  boost::asio::awaitable<std::size_t> receive(std::span<char> to);
  std::size_t receive_now(std::span<char> to) noexcept;  // what is there already; maybe nothing

  // When receive() shall give up.
  void receive_until(TimePoint when) noexcept;
  void receive_before(TimePoint when) noexcept;  // then, if it would not give up earlier
  bool timed_out() const noexcept { return timed_out_; }

  enum class Sent : std::uint8_t { all, partly, failed };

  // What the kernel takes at once; `parts`, and the iovecs in it, are moved past that.
  Sent send_now(std::span<iovec>& parts, More more = More::no) noexcept;

  // All of `parts`; the iovecs are moved past what was taken. False: the client is gone or took no
  // byte for too long.
  boost::asio::awaitable<bool> send(std::span<iovec> parts, More more = More::no);

  // As much of it as the client takes at once; `span` is what is left, and `sent` grows. All of it is left
  // over TLS, and of what is large. Waits for the disk if it must: for what was looked at lately.
  void send_file_now(FileSpan& span, std::uint64_t& sent) noexcept;

  // A stretch of a file, without copying it through us; pages that are not in memory are read on
  // the disk pool first. False: as send(). Errors: unavailable: the file cannot be read, or is
  // shorter than that. Adds to `sent` as it goes.
  Task<bool> send_file(FileSpan span, std::uint64_t& sent);

  void check_deadline(TimePoint now) noexcept;
  void interrupt() noexcept;  // ends a receive() that waits
  // The client sees the end (over TLS a close_notify, too), and may still be read from: over TLS
  // what comes then are bytes without a meaning.
  void shutdown_send() noexcept;
  void close() noexcept;  // over TLS with a close_notify
  // What has been sent is no complete answer. With RST, and over TLS without a close_notify; a Unix socket has none: there the framing
  // tells (a short Content-Length, no last chunk).
  void abort() noexcept;

 private:
  boost::asio::awaitable<bool> wait_writable();
  boost::asio::awaitable<bool> wait(TlsStream::Step step);
  boost::asio::awaitable<std::size_t> receive_tls(std::span<char> to);
  Sent send_tls_now(std::span<iovec>& parts) noexcept;
  Task<bool> send_file_tls(FileSpan span, std::uint64_t& sent);

  Task<bool> send_file_plain(FileSpan span, std::uint64_t& sent);
  void fit_what_is_on_the_way() noexcept { on_the_way_.keep_little(socket_, !sends_.are_few()); }

  Socket socket_;
  OnTheWay on_the_way_;
  Pool& disk_;
  FileSends& sends_;
  std::unique_ptr<TlsStream> tls_;  // none: plain
  const std::chrono::milliseconds write_timeout_;
  TimePoint deadline_ = TimePoint::max();
  bool writing_ = false;
  bool timed_out_ = false;
  bool interrupted_ = false;  // until the next receive_until()
};

}  // namespace ncps::http
