#include "http/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>

namespace ncps::http {
namespace {

constexpr long kTicketLife = 3600;  // seconds
constexpr unsigned char kName[] = "ncps";

// Of TLS 1.2; those of 1.3 are all of that kind.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

std::unexpected<Error> refused(std::string_view what) {
  const char* why = ::ERR_reason_error_string(::ERR_peek_last_error());
  ::ERR_clear_error();
  return fail(ErrorKind::invalid,
              std::string(what) + (why == nullptr ? "" : ": " + std::string(why)));
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void* ours) {
  const auto& list = *static_cast<const std::vector<unsigned char>*>(ours);
  unsigned char* found = nullptr;
  if (::SSL_select_next_proto(&found, size, list.data(), static_cast<unsigned>(list.size()),
                              offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

void set_up(SSL_CTX* context) {
  ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  ::SSL_CTX_set_cipher_list(context, kCiphers);
  // Requests and answers say how long they are: an end without close_notify deceives nobody, and
  // many clients end so.
  ::SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  ::SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_session_id_context(context, kName, sizeof kName);
  ::SSL_CTX_set_timeout(context, kTicketLife);
}

bool ask_for_certificates(SSL_CTX* context, const std::vector<Certificate>& authorities) {
  auto* store = ::SSL_CTX_get_cert_store(context);
  for (const auto& authority : authorities)
    if (::X509_STORE_add_cert(store, authority.get()) != 1 ||
        ::SSL_CTX_add_client_CA(context, authority.get()) != 1)
      return false;
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return true;
}

bool same(const std::vector<Certificate>& a, const std::vector<Certificate>& b) {
  return std::ranges::equal(a, b, [](const Certificate& one, const Certificate& other) {
    return ::X509_cmp(one.get(), other.get()) == 0;
  });
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::make(TlsOptions options) {
  if (!fits(options.key, options.chain.front()))
    return fail(ErrorKind::invalid, "the key does not belong to the first certificate");
  ::ERR_clear_error();
  auto* context = ::SSL_CTX_new(::TLS_server_method());
  if (context == nullptr) return refused("OpenSSL gives no context");
  std::shared_ptr<TlsContext> made(new TlsContext(std::move(options), context));
  const auto& given = made->options_;
  set_up(context);
  if (::SSL_CTX_use_certificate(context, given.chain.front().get()) != 1)
    return refused("the certificate cannot be used");
  for (std::size_t i = 1; i < given.chain.size(); ++i)
    if (::SSL_CTX_add1_chain_cert(context, given.chain[i].get()) != 1)
      return refused("certificate number " + std::to_string(i + 1) + " cannot be used");
  if (::SSL_CTX_use_PrivateKey(context, given.key.get()) != 1)
    return refused("the key cannot be used");
  if (!given.client_authorities.empty() && !ask_for_certificates(context, given.client_authorities))
    return refused("an authority of clients cannot be used");
  for (const auto& protocol : given.alpn) {
    made->alpn_.push_back(static_cast<unsigned char>(protocol.size()));
    made->alpn_.insert(made->alpn_.end(), protocol.begin(), protocol.end());
  }
  ::SSL_CTX_set_alpn_select_cb(context, choose_protocol, &made->alpn_);
  return made;
}

TlsContext::~TlsContext() {
  ::SSL_CTX_free(context_);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::offering_as(const TlsContext& other) const {
  auto options = options_;
  options.alpn = other.options_.alpn;
  return make(std::move(options));
}

std::chrono::system_clock::time_point TlsContext::expires() const {
  auto ends = [](const Certificate& one) { return validity_of(one).end; };
  return ends(*std::ranges::min_element(options_.chain, {}, ends));
}

bool TlsContext::same_as(const TlsContext& other) const {
  return same(options_.chain, other.options_.chain) &&
         ::EVP_PKEY_eq(options_.key.get(), other.options_.key.get()) == 1 &&
         same(options_.client_authorities, other.options_.client_authorities) &&
         options_.alpn == other.options_.alpn;
}

}  // namespace ncps::http
