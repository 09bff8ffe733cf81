#include "crypto/encoding.h"

#include <algorithm>
#include <array>

namespace ncps::crypto {
namespace {

constexpr std::string_view kNix32 = "0123456789abcdfghijklmnpqrsvwxyz";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

using DigitTable = std::array<std::uint8_t, 256>;

constexpr DigitTable digits_of(std::string_view alphabet) {
  DigitTable table{};
  table.fill(kNoDigit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}

constexpr DigitTable hex_digits() {
  auto table = digits_of(kHex);
  for (char c = 'A'; c <= 'F'; ++c) {
    table[static_cast<unsigned char>(c)] = static_cast<std::uint8_t>(c - 'A' + 10);
  }
  return table;
}

constexpr auto kNix32Digits = digits_of(kNix32);
constexpr auto kHexDigits = hex_digits();
constexpr auto kBase64Digits = digits_of(kBase64);

std::uint8_t digit(const DigitTable& table, char c) {
  return table[static_cast<unsigned char>(c)];
}

constexpr std::size_t nix32_length(std::size_t bytes) {
  return (bytes * 8 + 4) / 5;
}

}  // namespace

bool is_nix32(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return digit(kNix32Digits, c) != kNoDigit; });
}

std::string to_nix32(std::span<const std::uint8_t> bytes) {
  const auto length = nix32_length(bytes.size());
  std::string text(length, '0');
  for (std::size_t n = 0; n < length; ++n) {  // the n-th group of 5 bits from the low end
    const auto byte = n * 5 / 8;
    const auto shift = n * 5 % 8;
    unsigned window = bytes[byte];
    if (byte + 1 < bytes.size()) window |= static_cast<unsigned>(bytes[byte + 1]) << 8;
    text[length - 1 - n] = kNix32[(window >> shift) & 31];
  }
  return text;
}

Result<Bytes> from_nix32(std::string_view text, std::size_t size) {
  if (text.size() != nix32_length(size)) {
    return fail(ErrorKind::invalid, "nix32 text of the wrong length");
  }
  Bytes bytes(size + 1, 0);  // the last byte catches the bits that do not fit
  for (std::size_t n = 0; n < text.size(); ++n) {
    const unsigned value = digit(kNix32Digits, text[text.size() - 1 - n]);
    if (value == kNoDigit) return fail(ErrorKind::invalid, "not a nix32 character");
    const auto byte = n * 5 / 8;
    const auto window = value << (n * 5 % 8);
    bytes[byte] |= static_cast<std::uint8_t>(window);
    bytes[byte + 1] |= static_cast<std::uint8_t>(window >> 8);
  }
  if (bytes.back() != 0) return fail(ErrorKind::invalid, "nix32 text with bits beyond its bytes");
  bytes.pop_back();
  return bytes;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (auto b : bytes) {
    text.push_back(kHex[b >> 4]);
    text.push_back(kHex[b & 15]);
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(ErrorKind::invalid, "hex text of an odd length");
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = digit(kHexDigits, text[i]);
    const auto low = digit(kHexDigits, text[i + 1]);
    if (high == kNoDigit || low == kNoDigit) return fail(ErrorKind::invalid, "not a hex digit");
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return bytes;
}

std::string to_base64(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto left = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = static_cast<unsigned>(bytes[i]) << 16;
    if (left > 1) group |= static_cast<unsigned>(bytes[i + 1]) << 8;
    if (left > 2) group |= bytes[i + 2];
    for (std::size_t d = 0; d < 4; ++d) {
      text.push_back(d <= left ? kBase64[(group >> (18 - 6 * d)) & 63] : '=');
    }
  }
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return fail(ErrorKind::invalid, "base64 text of the wrong length");
  std::size_t padding = 0;
  if (text.ends_with("==")) {
    padding = 2;
  } else if (text.ends_with('=')) {
    padding = 1;
  }
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const std::size_t present = last ? 4 - padding : 4;
    unsigned group = 0;
    for (std::size_t d = 0; d < present; ++d) {
      const auto value = digit(kBase64Digits, text[i + d]);
      if (value == kNoDigit) return fail(ErrorKind::invalid, "not a base64 character");
      group |= static_cast<unsigned>(value) << (18 - 6 * d);
    }
    const std::size_t count = present - 1;
    for (std::size_t b = 0; b < count; ++b) {
      bytes.push_back(static_cast<std::uint8_t>(group >> (16 - 8 * b)));
    }
    // Bits that no byte takes must be zero, or one value would have several texts.
    const unsigned stray = group & (0xffffffU >> (8 * count));
    if (stray != 0) return fail(ErrorKind::invalid, "base64 text with stray bits");
  }
  return bytes;
}

}  // namespace ncps::crypto
