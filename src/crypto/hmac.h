// HMAC-SHA256: proves that whoever wrote a message knows the key. Source: RFC 2104, FIPS 198-1;
// done by OpenSSL.
#pragma once

#include <string_view>

#include "crypto/sha256.h"

namespace ncps::crypto {

// A key of any length, also empty.
Sha256Digest hmac_sha256(std::string_view key, std::string_view message);

}  // namespace ncps::crypto
