#include "lock/redis/tls_context.h"

namespace ncps::redis {

Result<std::shared_ptr<TlsContext>> make_tls_context(const Tls& tls) {
  if (!tls.wanted) return nullptr;
  auto made = std::make_shared<TlsContext>();
  ::SSL_CTX_set_min_proto_version(made->context.native_handle(), TLS1_2_VERSION);
  boost::system::error_code error;
  made->context.set_verify_mode(boost::asio::ssl::verify_peer, error);
  if (error) return fail(ErrorKind::internal, "OpenSSL: " + error.message());
  if (tls.ca_file.empty()) {
    made->context.set_default_verify_paths(error);  // SSL_CERT_FILE and SSL_CERT_DIR, too
    if (error) return fail(ErrorKind::internal, "the system's certificates: " + error.message());
    return made;
  }
  made->context.load_verify_file(tls.ca_file.native(), error);
  if (error)
    return fail(
        ErrorKind::invalid,
        tls.ca_file.native() + " holds no certificate that can be trusted: " + error.message());
  return made;
}

}  // namespace ncps::redis
