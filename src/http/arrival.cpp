#include "http/arrival.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <string>

#include "http/session_loop.h"

namespace ncps::http {

namespace asio = boost::asio;

Arrival::Arrival(SessionLoop& loop, Connection::Socket& socket) : loop_(loop), socket_(socket) {
  loop_.add(*this);
}

Arrival::~Arrival() {
  loop_.remove(*this);
}

Task<ProxyHeader> Arrival::read(Connection::TimePoint until) {
  deadline_ = until;
  std::string come;  // all of it the header's
  std::string peeked(ProxyHeader::kMostBytes, '\0');
  for (;;) {
    auto got = ::recv(socket_.native_handle(), peeked.data(), peeked.size() - come.size(),
                      MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (timed_out_) co_return fail(ErrorKind::timeout, "it did not come in time");
      if (loop_.draining()) co_return fail(ErrorKind::unavailable, "we are stopping");
      co_await socket_.async_wait(Connection::Socket::wait_read,
                                  asio::as_tuple(asio::use_awaitable));
      continue;
    }
    if (got <= 0) {
      if (come.empty()) co_return fail(ErrorKind::not_found, "nothing came");
      co_return fail(ErrorKind::invalid, "it broke off");
    }
    auto size = static_cast<std::size_t>(got);
    CO_TRY(auto header, decode_proxy_header(come + peeked.substr(0, size)));
    auto ours = header ? header->size - come.size() : size;
    ::recv(socket_.native_handle(), peeked.data(), ours, MSG_DONTWAIT);  // it is there
    if (header) co_return *header;
    come.append(peeked, 0, ours);
  }
}

void Arrival::check_deadline(Connection::TimePoint now) noexcept {
  if (now < deadline_) return;
  timed_out_ = true;
  interrupt();
}

void Arrival::interrupt() noexcept {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

}  // namespace ncps::http
