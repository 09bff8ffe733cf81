#include "crypto/encoding.h"

#include <algorithm>

#include "fuzzing/fuzz_target.h"

namespace ncps::crypto {
namespace {

// nix32 read as one large number, digit by digit: slow, and nothing like the decoder.
Result<Bytes> by_long_division(std::string_view text, std::size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdfghijklmnpqrsvwxyz";
  Bytes out(size);
  for (char c : text) {
    auto carry = kDigits.find(c);
    if (carry == kDigits.npos) return fail(ErrorKind::invalid, "no digit");
    for (auto& byte : out) {
      auto value = std::size_t{32} * byte + carry;
      byte = static_cast<std::uint8_t>(value);
      carry = value >> 8;
    }
    if (carry != 0) return fail(ErrorKind::invalid, "too large");
  }
  return out;
}

}  // namespace

FUZZ_TARGET(encoding) {
  Bytes bytes(input.begin(), input.end());
  CHECK(from_hex(to_hex(bytes)) == bytes);
  CHECK(from_base64(to_base64(bytes)) == bytes);
  CHECK(from_nix32(to_nix32(bytes), bytes.size()) == bytes);

  if (auto decoded = from_base64(input)) CHECK(to_base64(*decoded) == input);
  if (auto decoded = from_hex(input)) {
    std::string lower(input);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    CHECK(to_hex(*decoded) == lower);
  }
  auto size = input.size() * 5 / 8;  // the only one that so many characters can stand for
  auto decoded = from_nix32(input, size);
  if ((size * 8 + 4) / 5 != input.size()) {
    CHECK(!decoded);
    return;
  }
  auto divided = by_long_division(input, size);
  CHECK(decoded.has_value() == divided.has_value());
  if (decoded) CHECK(*decoded == *divided && to_nix32(*decoded) == input && is_nix32(input));
}

}  // namespace ncps::crypto
