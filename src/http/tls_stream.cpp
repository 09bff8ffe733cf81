#include "http/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace ncps::http {
namespace {

TlsFailure failure_of(int reason) noexcept {
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_BAD_LEGACY_VERSION: return TlsFailure::version;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_APPLICATION_PROTOCOL: return TlsFailure::nothing_shared;
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return TlsFailure::certificate;
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN: return TlsFailure::not_trusted;
    default: return TlsFailure::other;
  }
}

}  // namespace

std::string_view to_string(TlsFailure failure) noexcept {
  switch (failure) {
    case TlsFailure::timeout: return "timeout";
    case TlsFailure::gone: return "gone";
    case TlsFailure::plain_http: return "plain_http";
    case TlsFailure::version: return "version";
    case TlsFailure::nothing_shared: return "nothing_shared";
    case TlsFailure::certificate: return "certificate";
    case TlsFailure::not_trusted: return "not_trusted";
    case TlsFailure::other: return "other";
  }
  return "other";
}

void TlsStream::Free::operator()(ssl_st* session) const noexcept {
  ::SSL_free(session);
}

TlsStream::TlsStream(std::shared_ptr<const TlsContext> context, int socket)
    : context_(std::move(context)), session_(::SSL_new(context_->native())) {
  if (session_ && ::SSL_set_fd(session_.get(), socket) != 1) session_.reset();
}

// REQUIRES: session_. The error queue is the thread's, and was empty before the call.
TlsStream::Step TlsStream::meaning_of(int result) noexcept {
  if (result > 0) return Step::done;
  auto error = ::SSL_get_error(session_.get(), result);
  switch (error) {
    case SSL_ERROR_WANT_READ: return Step::wants_read;
    case SSL_ERROR_WANT_WRITE: return Step::wants_write;
    case SSL_ERROR_ZERO_RETURN: return Step::ended;
    default: note_failure(error); return Step::failed;
  }
}

// OpenSSL must not be asked for anything more on such a connection.
void TlsStream::note_failure(int error) noexcept {
  auto code = ::ERR_peek_error();
  const char* why = ::ERR_reason_error_string(code);
  auto verdict = ::SSL_get_verify_result(session_.get());
  if (verdict != X509_V_OK) {
    failure_ = TlsFailure::certificate;
    why = ::X509_verify_cert_error_string(verdict);
  } else if (error == SSL_ERROR_SYSCALL || code == 0) {
    failure_ = TlsFailure::gone;
  } else if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    failure_ = failure_of(ERR_GET_REASON(code));
  }
  if (why != nullptr) detail_ = why;
  ::ERR_clear_error();
  session_.reset();
}

TlsStream::Step TlsStream::handshake() noexcept {
  if (!session_) return Step::failed;
  ::ERR_clear_error();
  auto step = meaning_of(::SSL_accept(session_.get()));
  if (step != Step::ended) return step;
  failure_ = TlsFailure::gone;
  return Step::failed;
}

TlsStream::Step TlsStream::read(std::span<char> to, std::size_t& got) noexcept {
  got = 0;
  if (!session_) return Step::failed;
  ::ERR_clear_error();
  return meaning_of(::SSL_read_ex(session_.get(), to.data(), to.size(), &got));
}

TlsStream::Step TlsStream::write(std::string_view from, std::size_t& taken) noexcept {
  taken = 0;
  if (!session_) return Step::failed;
  ::ERR_clear_error();
  return meaning_of(::SSL_write_ex(session_.get(), from.data(), from.size(), &taken));
}

void TlsStream::say_goodbye() noexcept {
  if (!session_ || ::SSL_is_init_finished(session_.get()) == 0) return;
  ::ERR_clear_error();
  ::SSL_shutdown(session_.get());
  ::ERR_clear_error();
}

std::vector<std::string> TlsStream::certificate_names() const {
  if (!session_) return {};
  auto* certificate = ::SSL_get0_peer_certificate(session_.get());
  if (certificate == nullptr || ::SSL_get_verify_result(session_.get()) != X509_V_OK) return {};
  return names_of(*certificate);
}

}  // namespace ncps::http
