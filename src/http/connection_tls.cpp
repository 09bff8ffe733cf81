// What a Connection does otherwise when TLS is beneath it.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/posix_error.h"
#include "http/caller.h"
#include "http/connection.h"
#include "http/file_pages.h"
#include "telemetry/log.h"

namespace ncps::http {

namespace asio = boost::asio;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t kRecord = 16ul * 1024;         // the most that one record holds
constexpr std::size_t kFilePiece = 64ul * 1024;      // read and encrypted at once
constexpr std::uint64_t kStretch = 512ul * 1024;     // then the other connections get their turn
constexpr std::uint64_t kReadAhead = 2048ul * 1024;  // what the kernel is asked to fetch, cold

constexpr char kTlsHandshake = 0x16;  // RFC 8446 section 5.1: what a TLS client begins with

// What goes into one record: small parts together, so that head and body are one packet.
std::string_view next_record(std::span<const iovec> parts, std::array<char, kRecord>& gathered) {
  const auto& first = parts.front();
  if (parts.size() == 1 || first.iov_len >= kRecord)
    return {static_cast<const char*>(first.iov_base), first.iov_len};
  std::size_t size = 0;
  for (const auto& one : parts) {
    auto take = std::min(one.iov_len, kRecord - size);
    if (take > 0) std::memcpy(gathered.data() + size, one.iov_base, take);
    size += take;
    if (size == kRecord) break;
  }
  return {gathered.data(), size};
}

// Reads without waiting; nullopt: less than a record is in memory, though more is wanted.
std::optional<ssize_t> read_from_memory(FileSpan from, std::span<char> to) noexcept {
  iovec into{to.data(), to.size()};
  auto size = ::preadv2(from.fd, &into, 1, static_cast<off_t>(from.offset), RWF_NOWAIT);
  if (may_wait_for_disk(size, errno)) return std::nullopt;
  if (size > 0 && static_cast<std::size_t>(size) < std::min(to.size(), kRecord))
    return std::nullopt;
  return size;
}

struct FilePiece {  // what became of a try to send one
  std::size_t taken = 0;
  TlsStream::Step step = TlsStream::Step::done;
  bool cold = false, at_end = false;
  int error = 0;  // errno, of reading
};

// What is read lies on the stack: a connection that waits for its client holds none of it, and
// reads it again. OpenSSL wants no other bytes then, and no fewer than the record that it has begun.
FilePiece send_piece(TlsStream& tls, FileSpan from, std::uint64_t warm_until) noexcept {
  std::array<char, kFilePiece> buffer;
  std::span<char> to(buffer.data(), std::min<std::uint64_t>(from.length, buffer.size()));
  auto got = read_from_memory(from, to);
  if (!got) {
    auto warm = warm_until - std::min(from.offset, warm_until);
    to = to.first(std::min<std::uint64_t>(to.size(), warm));
    if (to.size() < std::min<std::uint64_t>(from.length, kRecord)) return {.cold = true};
    got = ::pread(from.fd, to.data(), to.size(), static_cast<off_t>(from.offset));
  }
  if (*got < 0) return {.error = errno};
  FilePiece piece{.at_end = *got == 0};
  for (std::string_view left(to.data(), static_cast<std::size_t>(*got)); !left.empty();) {
    std::size_t taken = 0;
    piece.step = tls.write(left, taken);
    if (piece.step != TlsStream::Step::done) break;
    left.remove_prefix(taken);
    piece.taken += taken;
  }
  return piece;
}

}  // namespace

// False: the wait was ended, by the deadline or by interrupt().
asio::awaitable<bool> Connection::wait(TlsStream::Step step) {
  auto what = step == TlsStream::Step::wants_write ? Socket::wait_write : Socket::wait_read;
  auto [error] = co_await socket_.async_wait(what, kNoThrow);
  co_return !error && open() && !timed_out_ && !interrupted_;
}

asio::awaitable<std::optional<TlsFailure>> Connection::shake_hands(
    std::shared_ptr<const TlsContext> context) {
  using Step = TlsStream::Step;
  char first = 0;
  ssize_t got = -1;
  while ((got = ::recv(socket_.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT)) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    if (!co_await wait(Step::wants_read))
      co_return timed_out_ ? TlsFailure::timeout : TlsFailure::gone;
  if (got <= 0) co_return TlsFailure::gone;
  // Every method begins so, and so does HTTP/2 without TLS.
  if (first >= 'A' && first <= 'Z') co_return TlsFailure::plain_http;
  if (first != kTlsHandshake) co_return TlsFailure::version;

  tls_ = std::make_unique<TlsStream>(std::move(context), socket_.native_handle());
  for (;;) {
    auto step = tls_->handshake();
    if (step == Step::done) co_return std::nullopt;
    if (step == Step::failed) break;
    if (co_await wait(step)) continue;
    tls_.reset();
    co_return timed_out_ ? TlsFailure::timeout : TlsFailure::gone;
  }
  auto failure = tls_->failure();
  log::debug(
      "no TLS with a client",
      {{"from", caller_of(socket_).name}, {"why", to_string(failure)}, {"detail", tls_->detail()}});
  tls_.reset();
  co_return failure;
}

std::vector<std::string> Connection::certificate_names() const {
  return tls_ ? tls_->certificate_names() : std::vector<std::string>();
}

asio::awaitable<std::size_t> Connection::receive_tls(std::span<char> to) {
  while (open() && tls_ && !timed_out_ && !interrupted_) {
    std::size_t size = 0;
    auto step = tls_->read(to, size);
    if (step == TlsStream::Step::done) {
      // Who sends without a pause would keep the thread for itself otherwise.
      co_await asio::post(socket_.get_executor(), asio::use_awaitable);
      co_return size;
    }
    if (step == TlsStream::Step::ended || step == TlsStream::Step::failed) co_return 0;
    if (!co_await wait(step)) co_return 0;
  }
  co_return 0;
}

Connection::Sent Connection::send_tls_now(std::span<iovec>& parts) noexcept {
  std::array<char, kRecord> gathered;
  for (skip(parts, 0); !parts.empty();) {
    if (!open()) return Sent::failed;
    std::size_t taken = 0;
    switch (tls_->write(next_record(parts, gathered), taken)) {
      case TlsStream::Step::done: skip(parts, taken); break;
      case TlsStream::Step::wants_write: return Sent::partly;
      case TlsStream::Step::wants_read:  // only renegotiation, which there is not, wants that
      case TlsStream::Step::ended:
      case TlsStream::Step::failed: return Sent::failed;
    }
  }
  return Sent::all;
}

Task<bool> Connection::send_file_tls(FileSpan span, std::uint64_t& sent) {
  std::uint64_t warm_until = 0;
  for (std::uint64_t since_turn = 0; span.length > 0;) {
    if (!open() || !tls_) co_return false;
    auto piece = send_piece(*tls_, span, warm_until);
    if (piece.error == EINTR) continue;
    if (piece.error != 0)
      co_return std::unexpected(posix_error("sending", "a file of the store", piece.error));
    if (piece.at_end) co_return fail(ErrorKind::unavailable, "the file is shorter than it was");
    if (piece.cold) {
      auto size = std::min<std::uint64_t>(span.length, kFilePiece);
      auto work = [&] { return warm_up(span.fd, span.offset, size, kReadAhead); };
      co_await offload(disk_, std::move(work));  // a failure shows again when it is read
      warm_until = span.offset + size;
      continue;
    }
    sent += piece.taken;
    span.offset += piece.taken;
    span.length -= piece.taken;
    if (piece.step == TlsStream::Step::wants_write) {
      if (!co_await wait_writable()) co_return false;
    } else if (piece.step != TlsStream::Step::done) {
      co_return false;
    }
    since_turn += piece.taken;
    if (since_turn < kStretch || span.length == 0) continue;
    since_turn = 0;
    fit_what_is_on_the_way();
    co_await asio::post(asio::use_awaitable);
  }
  co_return true;
}

}  // namespace ncps::http
