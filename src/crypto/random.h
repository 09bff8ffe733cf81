// Bytes that nobody can guess. Source: RAND_priv_bytes(3) of OpenSSL, which the system seeds.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "crypto/encoding.h"

namespace ncps::crypto {

// Errors: internal, if the system has no randomness to give.
Result<Bytes> random_bytes(std::size_t number);

}  // namespace ncps::crypto
