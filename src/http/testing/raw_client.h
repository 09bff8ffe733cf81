// A blocking HTTP client for tests, plain or over TLS: sends any bytes, right or wrong, and tells
// exactly what came back. Waits are bounded by kPatience; nothing here sleeps.
#pragma once

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "http/testing/answer.h"
#include "http/testing/tls_channel.h"

namespace ncps::http::testing {

class RawClient {
 public:
  static constexpr int kPatience = 30;  // seconds

  explicit RawClient(std::uint16_t port, int receive_buffer = 0) : RawClient(AF_INET) {
    connect(port, receive_buffer);
    if (everything_over_tls()) begin_tls({});
  }

  explicit RawClient(const std::string& path) : RawClient(AF_UNIX) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, sizeof to.sun_path - 1);
    connect(reinterpret_cast<sockaddr*>(&to), sizeof to);
  }

  // Over TLS.
  RawClient(std::uint16_t port, const TlsWishes& wishes) : RawClient(port, 0, &wishes) {}
  RawClient(std::uint16_t port, int receive_buffer, const TlsWishes* wishes) : RawClient(AF_INET) {
    connect(port, receive_buffer);
    if (wishes != nullptr) begin_tls(*wishes);
  }

  bool connected() const { return connected_; }
  int descriptor() const { return fd_.get(); }
  TlsChannel& tls() { return *tls_; }  // REQUIRES: over TLS
  void begin_tls(const TlsWishes& wishes) {
    tls_ = std::make_unique<TlsChannel>(fd_.get(), wishes);
  }

  bool send(std::string_view text) {
    while (!text.empty()) {
      auto taken =
          tls_ ? tls_->put(text) : ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (taken <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(taken));
    }
    return true;
  }

  // No more will be sent.
  void finish() { ::shutdown(fd_.get(), SHUT_WR); }

  // Of a Unix socket: until the other side has received all that was sent, or closed.
  void wait_until_taken() const {
    int left = 0;
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(kPatience);
    while (::ioctl(fd_.get(), SIOCOUTQ, &left) == 0 && left > 0 &&
           std::chrono::steady_clock::now() < end)
      ::sched_yield();
  }

  bool get(std::string_view path, std::string_view more_headers = "") {
    return send("GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" +
                std::string(more_headers) + "\r\n");
  }

  enum class To : std::uint8_t { get, head };

  // The next answer. `to` head: none of its bytes follow.
  Answer read(To to = To::get) {
    Answer answer;
    auto end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return answer;
    answer.take_head(take(end + 4));
    if (to == To::head || answer.status == 204 || answer.status == 304) {
      answer.complete = true;
    } else if (answer.has("Transfer-Encoding: chunked")) {
      read_chunks(answer);
    } else if (auto size = answer.length()) {
      while (buffer_.size() < *size && more()) continue;
      answer.complete = buffer_.size() >= *size;
      answer.body = take(static_cast<std::size_t>(*size));
    } else {
      while (more()) continue;
      answer.complete = ended();
      answer.body = take(buffer_.size());
    }
    return answer;
  }

  // Reads on until the connection ends, and ends it from here too. True: by FIN; false: by RST.
  bool ends_cleanly() {
    while (more()) continue;
    ::shutdown(fd_.get(), SHUT_WR);
    return ended();
  }

  // Bytes that came and belong to no answer yet.
  const std::string& rest() const { return buffer_; }

  bool ended() const { return last_ == 0; }                              // by FIN
  bool reset() const { return last_ < 0 && last_errno_ == ECONNRESET; }  // by RST

  // True as soon as there is something to read.
  bool readable_within(std::chrono::milliseconds time) const {
    pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, static_cast<int>(time.count())) == 1;
  }

  // Waits, without reading, until the connection has been reset.
  bool wait_for_reset() const {
    pollfd entry{.fd = fd_.get(), .events = 0, .revents = 0};
    return ::poll(&entry, 1, kPatience * 1000) == 1 && (entry.revents & POLLERR) != 0;
  }

  // Receives some bytes. False: the connection has ended.
  bool more() {
    if (last_ <= 0) return false;  // the kernel tells of an RST only once
    char bytes[65536];
    last_ = tls_ ? tls_->fetch(bytes, sizeof bytes) : ::recv(fd_.get(), bytes, sizeof bytes, 0);
    last_errno_ = errno;
    if (last_ > 0) buffer_.append(bytes, static_cast<std::size_t>(last_));
    return last_ > 0;
  }

 private:
  explicit RawClient(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    timeval patience{.tv_sec = kPatience, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }

  void connect(std::uint16_t port, int receive_buffer) {
    if (receive_buffer > 0)
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(reinterpret_cast<sockaddr*>(&to), sizeof to);
  }

  void connect(const sockaddr* to, socklen_t size) {
    connected_ = ::connect(fd_.get(), to, size) == 0;
  }

  std::string take(std::size_t size) {
    auto text = buffer_.substr(0, size);
    buffer_.erase(0, text.size());
    return text;
  }

  void read_chunks(Answer& answer) {
    for (;;) {
      auto line = std::string::npos;
      while ((line = buffer_.find("\r\n")) == std::string::npos)
        if (!more()) return;
      std::size_t size = 0;
      std::from_chars(buffer_.data(), buffer_.data() + line, size, 16);
      while (buffer_.size() < line + 2 + size + 2)
        if (!more()) return;
      take(line + 2);
      answer.body += take(size);
      take(2);
      if (size == 0) {
        answer.complete = true;
        return;
      }
    }
  }

  ncps::UniqueFd fd_;
  std::unique_ptr<TlsChannel> tls_;
  bool connected_ = false;
  std::string buffer_;
  ssize_t last_ = 1;
  int last_errno_ = 0;
};

}  // namespace ncps::http::testing
