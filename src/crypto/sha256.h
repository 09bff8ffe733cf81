// SHA-256 over bytes that arrive in pieces. Source: FIPS 180-4; done by OpenSSL (SHA-NI where
// present).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace ncps::crypto {

using Sha256Digest = std::array<std::uint8_t, 32>;

// Not thread-safe: one writer.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);

  // The digest of all bytes so far. Call once; afterwards the object may only be destroyed.
  Sha256Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Sha256Digest sha256(std::string_view bytes);

}  // namespace ncps::crypto
