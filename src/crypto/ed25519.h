// Ed25519 detached signatures. Source: RFC 8032; done by OpenSSL. Keys have libsodium's shape,
// which Nix uses: the secret key is 64 bytes, seed followed by public key.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace ncps::crypto {

using Ed25519Public = std::array<std::uint8_t, 32>;
using Ed25519Secret = std::array<std::uint8_t, 64>;
using Ed25519Signature = std::array<std::uint8_t, 64>;

// Errors: internal, if the system has no randomness to give.
Result<Ed25519Secret> generate_ed25519();

// The second half of `secret`.
Ed25519Public public_half(const Ed25519Secret& secret);

// False if the second half of `secret` is not the public key of its seed: the key was damaged.
bool consistent(const Ed25519Secret& secret);

// Errors: internal.
Result<Ed25519Signature> sign(const Ed25519Secret& secret, std::string_view message);

bool verify(const Ed25519Public& key, std::string_view message, const Ed25519Signature& signature);

}  // namespace ncps::crypto
