// The client's side of TLS over a blocking socket, with OpenSSL's client. One thread may send while another one
// receives: OpenSSL alone does not allow that.
#pragma once

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "http/testing/authority.h"

namespace ncps::http::testing {

struct TlsWishes {
  Certificate trusted = {};  // none: whoever is there
  Identity own = {};         // shown, if it is asked for
  int at_least = TLS1_2_VERSION, at_most = TLS1_3_VERSION;
  std::vector<std::string> alpn = {};
  SSL_SESSION* resume = nullptr;
  bool shake_hands = true;  // at once
};

class TlsChannel {
 public:
  static constexpr int kPatience = 30;  // seconds, for each step

  TlsChannel(int socket, const TlsWishes& wishes)
      : context_(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free), socket_(socket) {
    // Or it would not even offer old versions.
    ::SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
    ::SSL_CTX_set_min_proto_version(context_.get(), wishes.at_least);
    ::SSL_CTX_set_max_proto_version(context_.get(), wishes.at_most);
    if (wishes.own.key) {
      ::SSL_CTX_use_certificate(context_.get(), wishes.own.certificate.get());
      ::SSL_CTX_use_PrivateKey(context_.get(), wishes.own.key.get());
    }
    if (wishes.trusted) {
      ::X509_STORE_add_cert(::SSL_CTX_get_cert_store(context_.get()), wishes.trusted.get());
      ::SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    }
    session_.reset(::SSL_new(context_.get()));
    if (wishes.trusted) ::SSL_set1_host(session_.get(), "localhost");
    std::string wire;
    for (const auto& name : wishes.alpn) wire += static_cast<char>(name.size()) + name;
    if (!wire.empty())
      ::SSL_set_alpn_protos(session_.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()));
    if (wishes.resume != nullptr) ::SSL_set_session(session_.get(), wishes.resume);
    ::SSL_set_fd(session_.get(), socket);
    ::SSL_set_mode(session_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE);
    if (wishes.shake_hands) shake_hands();
  }

  bool shake_hands() {
    ::ERR_clear_error();
    secured_ = ::SSL_connect(session_.get()) == 1;
    if (!secured_) note_error();
    // From here on nobody may wait with the lock held.
    ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
    return secured_;
  }

  // Asks for another handshake. False: it is refused, error() says so.
  bool renegotiates() {
    ::SSL_renegotiate(session_.get());
    return in_turns([](SSL* session) { return ::SSL_do_handshake(session); }) == 1;
  }

  bool secured() const { return secured_; }
  const std::string& error() const { return error_; }  // OpenSSL's words for what went wrong
  SSL* session() { return session_.get(); }

  std::string protocol() const {  // ALPN's
    const unsigned char* name = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(session_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

  // As send(2) and recv(2). 0 is a close_notify; the end of the connection without one is -1.
  ssize_t put(std::string_view text) {
    return in_turns([&](SSL* session) {
      return ::SSL_write(session, text.data(), static_cast<int>(text.size()));
    });
  }
  ssize_t fetch(char* to, std::size_t size) {
    return in_turns([&](SSL* session) { return ::SSL_read(session, to, static_cast<int>(size)); });
  }

 private:
  // Tries until it has come on; waits for the socket without the lock.
  template <class Step>
  ssize_t in_turns(const Step& step) {
    for (;;) {
      short wants = 0;
      {
        std::lock_guard lock(mutex_);
        ::ERR_clear_error();
        errno = 0;
        auto done = step(session_.get());
        if (done > 0) return done;
        auto number = errno;
        auto why = ::SSL_get_error(session_.get(), done);
        if (why == SSL_ERROR_ZERO_RETURN) return 0;
        if (why == SSL_ERROR_WANT_READ) wants = POLLIN;
        if (why == SSL_ERROR_WANT_WRITE) wants = POLLOUT;
        if (wants == 0) {
          note_error();
          errno = number;
          return -1;
        }
      }
      pollfd entry{.fd = socket_, .events = wants, .revents = 0};
      if (::poll(&entry, 1, kPatience * 1000) != 1) return -1;
    }
  }

  void note_error() {
    const char* why = ::ERR_reason_error_string(::ERR_peek_error());
    error_ = why == nullptr ? "the connection ended" : why;
  }

  std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&::SSL_free)> session_{nullptr, ::SSL_free};
  std::mutex mutex_;  // of the session
  int socket_;
  bool secured_ = false;
  std::string error_;
};

// Tests of a server run over TLS as well: http.over_tls. Not those of Unix sockets.
inline bool everything_over_tls() {
  return std::getenv("NCPS_TEST_TLS") != nullptr;
}

}  // namespace ncps::http::testing
