// Bytes as text: nix32, hex (base16) and base64.
//
// nix32 is Nix's own base 32 (alphabet 0-9 a-z without e o t u, least significant digit last in the
// text but first in the bytes). Source: Nix manual, "Nix32 encoding". base64 is RFC 4648 with
// padding.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ncps::crypto {

using Bytes = std::vector<std::uint8_t>;

bool is_nix32(std::string_view text) noexcept;  // every character is of the alphabet

std::string to_nix32(std::span<const std::uint8_t> bytes);
std::string to_hex(std::span<const std::uint8_t> bytes);  // lower case
std::string to_base64(std::span<const std::uint8_t> bytes);

// `text` must be exactly as long as `size` bytes need. Errors: invalid.
Result<Bytes> from_nix32(std::string_view text, std::size_t size);

// Upper or lower case, an even number of digits. Errors: invalid.
Result<Bytes> from_hex(std::string_view text);

// Strict: padding required, no white space, no stray bits. Errors: invalid.
Result<Bytes> from_base64(std::string_view text);

}  // namespace ncps::crypto
