#include "http/connection.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/posix_error.h"
#include "http/file_pages.h"

namespace ncps::http {

namespace asio = boost::asio;

namespace {

using ErrorCode = boost::system::error_code;
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

// How much of a file is sent between two looks at whether it is in memory; one sendfile takes it
// if the client is quick. After that the other connections of the thread get their turn.
constexpr std::uint64_t kStretch = 2ull * 1024 * 1024;
constexpr std::uint64_t kWarmUp = 512ull * 1024;  // of it, read from the disk before any is sent

// Of sendfile: the client has gone, or nobody can reach it.
bool is_clients(int error) noexcept {
  switch (error) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case ESHUTDOWN:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN: return true;
    default: return false;
  }
}

bool would_block(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

void skip(std::span<iovec>& parts, std::size_t bytes) noexcept {
  while (!parts.empty() && bytes >= parts.front().iov_len) {
    bytes -= std::exchange(parts.front().iov_len, 0);
    parts = parts.subspan(1);
  }
  if (bytes == 0) return;
  auto& first = parts.front();
  first.iov_base = static_cast<char*>(first.iov_base) + bytes;
  first.iov_len -= bytes;
}

std::chrono::steady_clock::time_point coarse_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::chrono::steady_clock::time_point(std::chrono::seconds(now.tv_sec) +
                                               std::chrono::nanoseconds(now.tv_nsec));
}

Connection::Connection(Socket socket, Pool& disk, FileSends& sends,
                       std::chrono::milliseconds write_timeout)
    : socket_(std::move(socket)),
      on_the_way_(socket_),
      disk_(disk),
      sends_(sends),
      write_timeout_(write_timeout) {
  ErrorCode ignored;  // a socket that died meanwhile says so at the first receive
  socket_.native_non_blocking(true, ignored);
}

asio::awaitable<std::size_t> Connection::receive(std::span<char> to) {
  if (!open() || timed_out_) co_return 0;
  if (tls_) co_return co_await receive_tls(to);
  auto buffer = asio::buffer(to.data(), to.size());
  auto [error, size] = co_await socket_.async_receive(buffer, kNoThrow);
  co_return error ? 0 : size;
}

std::size_t Connection::receive_now(std::span<char> to) noexcept {
  if (!open()) return 0;
  if (tls_) {
    std::size_t size = 0;
    tls_->read(to, size);
    return size;
  }
  auto got = ::recv(socket_.native_handle(), to.data(), to.size(), MSG_DONTWAIT);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

void Connection::receive_until(TimePoint when) noexcept {
  deadline_ = when;
  timed_out_ = false;
  interrupted_ = false;
  writing_ = false;
}

void Connection::receive_before(TimePoint when) noexcept {
  deadline_ = std::min(deadline_, when);
}

Connection::Sent Connection::send_now(std::span<iovec>& parts, More more) noexcept {
  if (tls_) return send_tls_now(parts);
  for (skip(parts, 0); !parts.empty();) {  // without the empty ones in front
    if (!open()) return Sent::failed;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more == More::yes ? MSG_MORE : 0);
    auto taken = ::sendmsg(socket_.native_handle(), &message, flags);
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) return would_block(errno) ? Sent::partly : Sent::failed;
    skip(parts, static_cast<std::size_t>(taken));
  }
  return Sent::all;
}

asio::awaitable<bool> Connection::send(std::span<iovec> parts, More more) {
  for (;;) {
    auto sent = send_now(parts, more);
    if (sent != Sent::partly) co_return sent == Sent::all;
    if (!co_await wait_writable()) co_return false;
  }
}

asio::awaitable<bool> Connection::wait_writable() {
  writing_ = true;
  deadline_ = coarse_now() + write_timeout_;
  auto [error] = co_await socket_.async_wait(Socket::wait_write, kNoThrow);
  writing_ = false;
  deadline_ = TimePoint::max();
  co_return !error && open();
}

void Connection::send_file_now(FileSpan& span, std::uint64_t& sent) noexcept {
  if (tls_ || span.length > kReadTogether || !open()) return;
  auto at = static_cast<off_t>(span.offset);
  auto taken = ::sendfile(socket_.native_handle(), span.fd, &at, span.length);
  if (taken <= 0) return;  // send_file() finds out why
  auto bytes = static_cast<std::uint64_t>(taken);
  sent += bytes;
  span.offset += bytes;
  span.length -= bytes;
}

Task<bool> Connection::send_file(FileSpan span, std::uint64_t& sent) {
  std::optional<FileSends::One> one;
  if (span.length > OnTheWay::kLittle) one.emplace(sends_);  // the others are on their way at once
  if (tls_) co_return co_await send_file_tls(span, sent);
  co_return co_await send_file_plain(span, sent);
}

Task<bool> Connection::send_file_plain(FileSpan span, std::uint64_t& sent) {
  auto end = span.offset + span.length;
  for (auto at = static_cast<off_t>(span.offset); static_cast<std::uint64_t>(at) < end;) {
    auto begin = static_cast<std::uint64_t>(at);
    auto stretch = std::min(end - begin, kStretch);
    if (end - begin > OnTheWay::kLittle) fit_what_is_on_the_way();
    if (!is_resident(span.fd, begin, stretch)) {
      stretch = std::min(stretch, kWarmUp);  // the first bytes shall not wait for two megabytes
      auto work = [&] { return warm_up(span.fd, begin, stretch, kStretch); };
      co_await offload(disk_, std::move(work));  // a failure shows again in sendfile
    }
    for (auto stretch_end = begin + stretch; static_cast<std::uint64_t>(at) < stretch_end;) {
      if (!open()) co_return false;
      auto left = stretch_end - static_cast<std::uint64_t>(at);
      auto taken = ::sendfile(socket_.native_handle(), span.fd, &at, left);
      if (taken > 0) {
        sent += static_cast<std::uint64_t>(taken);
      } else if (taken < 0 && would_block(errno)) {
        if (!co_await wait_writable()) co_return false;
      } else if (taken == 0) {
        co_return fail(ErrorKind::unavailable, "the file is shorter than it was");
      } else if (errno != EINTR) {
        if (is_clients(errno)) co_return false;
        co_return std::unexpected(posix_error("sending", "a file of the store", errno));
      }
    }
    if (static_cast<std::uint64_t>(at) < end) co_await asio::post(asio::use_awaitable);
  }
  co_return true;
}

void Connection::check_deadline(TimePoint now) noexcept {
  if (now < deadline_) return;
  deadline_ = TimePoint::max();
  timed_out_ = true;
  if (writing_) {
    abort();
  } else {
    interrupt();
  }
}

void Connection::interrupt() noexcept {
  interrupted_ = true;  // over TLS a wait that has ended by itself is followed by another
  ErrorCode ignored;
  socket_.cancel(ignored);
}

void Connection::shutdown_send() noexcept {
  ErrorCode ignored;
  if (tls_ && open()) tls_->say_goodbye();
  tls_.reset();
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void Connection::close() noexcept {
  ErrorCode ignored;
  if (tls_ && open()) tls_->say_goodbye();
  socket_.close(ignored);
}

void Connection::abort() noexcept {
  if (!open()) return;
  ErrorCode ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace ncps::http
