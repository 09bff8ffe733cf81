// TlsContext: who we are to clients that speak TLS, and whom of them we know.
//
// TLS 1.2 and 1.3; of 1.2 only ciphers with forward secrecy and AEAD, which is what HTTP/2 wants
// (RFC 9113 section 9.2). No renegotiation, no early data, no compression. Sessions are resumed by
// tickets alone, for an hour, and only by the context that gave them: when another has taken its
// place everybody shakes hands anew, and so is judged anew. Immutable, thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/certificates.h"

struct ssl_ctx_st;  // OpenSSL's

namespace ncps::http {

struct TlsOptions {
  std::vector<Certificate> chain;  // ours first, then those that lead to the authority
  PrivateKey key;
  // Clients are asked for a certificate that one of these has signed. One that none has is refused;
  // none at all is not: what that may do is for others to decide. Empty: nobody is asked.
  std::vector<Certificate> client_authorities;
  // The protocols that are offered (ALPN), the best first. Who offers nothing of them is refused.
  std::vector<std::string> alpn{"http/1.1", "http/1.0"};
};

class TlsContext {
 public:
  // REQUIRES: a chain that is not empty, and a key. Errors: invalid: the key does not fit the first
  // certificate, or OpenSSL finds it too weak.
  static Result<std::shared_ptr<const TlsContext>> make(TlsOptions options);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Whether both are made of the same things: then the older one may stay, and its tickets with it.
  bool same_as(const TlsContext& other) const;

  // The same, but it offers the protocols that `other` does. Errors: as make().
  Result<std::shared_ptr<const TlsContext>> offering_as(const TlsContext& other) const;

  // When the first certificate of our chain expires: from then on clients refuse us.
  std::chrono::system_clock::time_point expires() const;

  bool asks_for_certificates() const noexcept { return !options_.client_authorities.empty(); }
  ssl_ctx_st* native() const noexcept { return context_; }

 private:
  TlsContext(TlsOptions options, ssl_ctx_st* context)
      : options_(std::move(options)), context_(context) {}

  const TlsOptions options_;
  ssl_ctx_st* const context_;
  std::vector<unsigned char> alpn_;  // as they go over the wire
};

}  // namespace ncps::http
