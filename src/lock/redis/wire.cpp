#include "lock/redis/wire.h"

#include <openssl/x509v3.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace ncps::redis {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

// What a name led to. The system's resolver cannot be told to end: it is left alone when time is up.
struct Looked {
  Looked(const asio::any_io_executor& executor, Deadline deadline)
      : resolver(executor), done(executor, deadline.at()) {}
  tcp::resolver resolver;
  asio::steady_timer done;
  bool is_done = false;
  boost::system::error_code error;
  tcp::resolver::results_type found;
};

}  // namespace

// Closes the wire when the time is up, unless it is destroyed before.
class Wire::Watch {
 public:
  Watch(Wire& wire, Deadline deadline)
      : timer_(wire.socket_.get_executor(), deadline.at()), up_(std::make_shared<bool>(false)) {
    timer_.async_wait([wire = wire.weak_from_this(), up = std::weak_ptr(up_)](ErrorCode cancelled) {
      auto living = up.lock();  // gone: too late, what it was about has ended
      auto target = wire.lock();
      if (cancelled || !living || !target) return;
      *living = true;
      target->close();
    });
  }
  bool time_is_up() const noexcept { return *up_; }

 private:
  asio::steady_timer timer_;  // its end cancels the wait
  std::shared_ptr<bool> up_;
};

Wire::Wire(const asio::any_io_executor& executor, NodeAddress address)
    : address_(std::move(address)), socket_(executor) {}

void Wire::close() noexcept {
  ErrorCode ignored;
  socket_.close(ignored);
}

Result<void> Wire::judge(const ErrorCode& error, const Watch& watch, std::string_view doing) {
  if (!error) return {};
  close();
  if (watch.time_is_up()) return fail(ErrorKind::timeout, "no answer in time");
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated)
    return fail(ErrorKind::unavailable, "it has closed the connection");
  return fail(ErrorKind::unavailable, std::string(doing) + ": " + error.message());
}

Task<tcp::resolver::results_type> Wire::resolve(Deadline deadline) {
  ErrorCode no_address;
  auto address = asio::ip::make_address(address_.host, no_address);
  if (!no_address)
    co_return tcp::resolver::results_type::create(tcp::endpoint(address, address_.port),
                                                  address_.host, "");
  auto looked = std::make_shared<Looked>(co_await asio::this_coro::executor, deadline);
  looked->resolver.async_resolve(address_.host, std::to_string(address_.port),
                                 [looked](ErrorCode error, tcp::resolver::results_type found) {
                                   looked->is_done = true;
                                   looked->error = error;
                                   looked->found = std::move(found);
                                   looked->done.cancel();
                                 });
  co_await looked->done.async_wait(kNoThrow);
  if (!looked->is_done) {
    looked->resolver.cancel();
    co_return fail(ErrorKind::timeout, "its name was not resolved in time");
  }
  if (looked->error)
    co_return fail(ErrorKind::unavailable, "its name leads nowhere: " + looked->error.message());
  co_return std::move(looked->found);
}

Task<void> Wire::connect(Deadline deadline) {
  CO_TRY(auto where, co_await resolve(deadline));
  Watch watch(*this, deadline);
  auto [error, endpoint] = co_await asio::async_connect(socket_, where, kNoThrow);
  CO_TRY(judge(error, watch, "connecting"));
  ErrorCode ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  co_return Result<void>();
}

std::string Wire::why_not_trusted(const ErrorCode& error) {
  auto verdict = ::SSL_get_verify_result(tls_->native_handle());
  if (verdict == X509_V_OK) return "TLS: " + error.message();
  return std::string("TLS: its certificate is not trusted: ") +
         ::X509_verify_cert_error_string(verdict) +
         " (the authority can be named with --cache-redis-ca-file)";
}

Task<void> Wire::shake_hands(std::shared_ptr<TlsContext> tls, Deadline deadline) {
  context_ = std::move(tls);
  tls_.emplace(socket_, context_->context);
  auto* session = tls_->native_handle();
  ErrorCode no_address;
  asio::ip::make_address(address_.host, no_address);
  auto* wanted = ::SSL_get0_param(session);
  bool ready = no_address ? ::SSL_set_tlsext_host_name(session, address_.host.c_str()) == 1 &&
                                ::X509_VERIFY_PARAM_set1_host(wanted, address_.host.c_str(), 0) == 1
                          : ::X509_VERIFY_PARAM_set1_ip_asc(wanted, address_.host.c_str()) == 1;
  if (!ready) {
    close();
    co_return fail(ErrorKind::unavailable, "TLS: its name cannot be verified");
  }
  Watch watch(*this, deadline);
  auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::client, kNoThrow);
  if (!error) co_return Result<void>();
  close();
  // A server without TLS waits for the end of a line that never comes.
  if (watch.time_is_up())
    co_return fail(ErrorKind::timeout, "TLS: no answer in time: does it speak TLS there?");
  co_return fail(ErrorKind::unavailable, why_not_trusted(error));
}

Task<void> Wire::write(std::string_view bytes, Deadline deadline) {
  Watch watch(*this, deadline);
  ErrorCode error;
  auto buffer = asio::buffer(bytes);
  if (tls_) {
    std::tie(error, std::ignore) = co_await asio::async_write(*tls_, buffer, kNoThrow);
  } else {
    std::tie(error, std::ignore) = co_await asio::async_write(socket_, buffer, kNoThrow);
  }
  co_return judge(error, watch, "writing");
}

Task<std::size_t> Wire::read(std::span<char> into, Deadline deadline) {
  Watch watch(*this, deadline);
  ErrorCode error;
  std::size_t size = 0;
  auto buffer = asio::buffer(into.data(), into.size());
  if (tls_) {
    std::tie(error, size) = co_await tls_->async_read_some(buffer, kNoThrow);
  } else {
    std::tie(error, size) = co_await socket_.async_read_some(buffer, kNoThrow);
  }
  CO_TRY(judge(error, watch, "reading"));
  co_return size;
}

}  // namespace ncps::redis
