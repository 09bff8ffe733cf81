// RawServer: a server on a free port that does to each connection exactly what a test wrote down,
// right or wrong. Each connection has a thread; waits are bounded by kPatience.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <functional>
#include <future>
#include <list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "base/guarded.h"
#include "base/unique_fd.h"

namespace ncps::fetch::testing {

class RawConnection {
 public:
  static constexpr int kPatience = 30;  // seconds

  explicit RawConnection(UniqueFd fd) : fd_(std::move(fd)) {
    timeval patience{.tv_sec = kPatience, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }

  // The head of the next request, with the empty line; empty: none came.
  std::string read_head() {
    for (;;) {
      if (auto end = buffer_.find("\r\n\r\n"); end != std::string::npos) {
        auto head = buffer_.substr(0, end + 4);
        buffer_.erase(0, end + 4);
        return head;
      }
      char bytes[4096];
      auto n = ::recv(fd_.get(), bytes, sizeof bytes, 0);
      if (n <= 0) return "";
      buffer_.append(bytes, static_cast<std::size_t>(n));
    }
  }

  // The next `bytes` of a body; shorter: the peer has gone.
  std::string read_body(std::size_t bytes) {
    char part[64 * 1024];
    while (buffer_.size() < bytes) {
      auto n = ::recv(fd_.get(), part, sizeof part, 0);
      if (n <= 0) break;
      buffer_.append(part, static_cast<std::size_t>(n));
    }
    auto body = buffer_.substr(0, bytes);
    buffer_.erase(0, body.size());
    return body;
  }

  bool send(std::string_view text) {
    while (!text.empty()) {
      auto n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // What the kernel takes before the peer's not reading has filled everything for `quiet`
  // milliseconds.
  std::size_t send_until_blocked(std::string_view text, int quiet) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      pollfd entry{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
      if (::poll(&entry, 1, quiet) <= 0) break;
      auto n =
          ::send(fd_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    return sent;
  }

  // Ends the connection by RST.
  void reset() {
    linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd_.reset();
  }

  // Waits until the peer has ended the connection, by FIN or RST. False: it did not.
  bool wait_for_end() {
    char bytes[4096];
    for (;;) {
      auto n = ::recv(fd_.get(), bytes, sizeof bytes, 0);
      if (n == 0) return true;
      if (n < 0) return errno == ECONNRESET;
    }
  }

 private:
  UniqueFd fd_;
  std::string buffer_;
};

class RawServer {
 public:
  using Script = std::function<void(RawConnection&)>;

  // The connection is closed when the script returns.
  explicit RawServer(Script script, int family = AF_INET)
      : script_(std::move(script)), listener_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 at6{};
    at6.sin6_family = AF_INET6;
    at6.sin6_addr = in6addr_loopback;
    socklen_t size = family == AF_INET ? sizeof at : sizeof at6;
    auto* address =
        family == AF_INET ? reinterpret_cast<sockaddr*>(&at) : reinterpret_cast<sockaddr*>(&at6);
    if (::bind(listener_.get(), address, size) != 0 || ::listen(listener_.get(), 512) != 0 ||
        ::getsockname(listener_.get(), address, &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(family == AF_INET ? at.sin_port : at6.sin6_port);
    acceptor_ = std::thread([this] { accept(); });
  }

  ~RawServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    threads_.with([](auto& threads) {
      for (auto& thread : threads) thread.join();
    });
  }

  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  std::uint16_t port() const { return port_; }
  unsigned connections() const { return connections_; }

 private:
  void accept() {
    for (;;) {
      UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd) return;
      ++connections_;
      auto serve = [this](UniqueFd taken) {
        RawConnection connection(std::move(taken));
        script_(connection);
      };
      threads_.with([&](auto& threads) { threads.emplace_back(serve, std::move(fd)); });
    }
  }

  Script script_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<unsigned> connections_{0};
  std::thread acceptor_;
  Guarded<std::list<std::thread>> threads_;
};

}  // namespace ncps::fetch::testing
