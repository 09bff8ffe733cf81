// TlsStream: TLS over one non-blocking socket, as its server.
//
// Never waits: each step says what it wants to wait for. Belongs to one thread. The socket must stay
// open for as long as it lives, and is not closed by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/tls_context.h"

struct ssl_st;  // OpenSSL's

namespace ncps::http {

// Why no connection came of a handshake.
enum class TlsFailure : std::uint8_t {
  timeout,         // the client stopped in the middle of it
  gone,            // the client left
  plain_http,      // the client speaks HTTP without TLS
  version,         // older than TLS 1.2, or nothing like TLS
  nothing_shared,  // no cipher, or no protocol (ALPN), that both know
  certificate,     // the client's is not one that we trust
  not_trusted,     // the client does not trust ours
  other,
};
inline constexpr std::size_t kTlsFailures = 8;

std::string_view to_string(TlsFailure failure) noexcept;  // as metrics and the log name it

class TlsStream {
 public:
  enum class Step : std::uint8_t {
    done,
    wants_read,   // again, when the socket can be read from
    wants_write,  // again, when it can be written to
    ended,        // of read(): nothing more comes
    failed,
  };

  TlsStream(std::shared_ptr<const TlsContext> context, int socket);

  Step handshake() noexcept;
  Step read(std::span<char> to, std::size_t& got) noexcept;

  // Takes some of `from`. After wants_write the next call must begin with the same bytes, and have
  // no fewer.
  Step write(std::string_view from, std::size_t& taken) noexcept;

  // Tells the client that what it has is all; without waiting for it. Says nothing after a failure.
  void say_goodbye() noexcept;

  TlsFailure failure() const noexcept { return failure_; }        // after handshake() has failed
  const std::string& detail() const noexcept { return detail_; }  // the same, in OpenSSL's words

  // Of the client's certificate, which has been verified; empty: it has shown none. After
  // handshake().
  std::vector<std::string> certificate_names() const;

 private:
  struct Free {
    void operator()(ssl_st* session) const noexcept;
  };

  Step meaning_of(int result) noexcept;
  void note_failure(int error) noexcept;

  std::shared_ptr<const TlsContext> context_;
  std::unique_ptr<ssl_st, Free> session_;
  TlsFailure failure_ = TlsFailure::other;
  std::string detail_;
};

}  // namespace ncps::http
