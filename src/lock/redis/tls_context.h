// TlsContext: whom we trust when we speak TLS to Redis. Thread-safe once it is made.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "base/result.h"
#include "lock/redis/redis_options.h"

namespace ncps::redis {

struct TlsContext {
  boost::asio::ssl::context context{boost::asio::ssl::context::tls_client};
};

// nullptr: TLS is not wanted. Errors: invalid (the file holds no certificate).
Result<std::shared_ptr<TlsContext>> make_tls_context(const Tls& tls);

}  // namespace ncps::redis
