// HMAC-SHA256: proves that whoever wrote a message knows the key. Source: RFC 2104, FIPS 198-1;
// done by OpenSSL.
#pragma once

#include <string_view>

#include "crypto/sha256.h"

namespace ncps::crypto {

// A key of any length, also empty.
Sha256Digest hmac_sha256(std::string_view key, std::string_view message);

// Whether they are the same. If they are as long as each other, the time that this takes says nothing
// about where they differ.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace ncps::crypto
