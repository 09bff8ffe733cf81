// Keys and signatures as text, "name:base64".
//
// Source: Nix manual, "Signing": Ed25519 over the fingerprint of a store path. A name is anything
// without ':' and white space.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/ed25519.h"

namespace ncps::nix {

struct Signature {
  std::string key_name;
  crypto::Ed25519Signature bytes;

  static Result<Signature> parse(std::string_view text);  // Errors: invalid
  std::string str() const;
  friend bool operator==(const Signature&, const Signature&) = default;
};

struct PublicKey {
  std::string name;
  crypto::Ed25519Public bytes;

  static Result<PublicKey> parse(std::string_view text);  // Errors: invalid
  std::string str() const;
  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

class SecretKey {
 public:
  // White space around the text is allowed: key files often end in a newline. Errors: invalid; the
  // message never holds key material.
  static Result<SecretKey> parse(std::string_view text);
  static Result<SecretKey> generate(std::string name);  // Errors: invalid (the name), internal

  const std::string& name() const noexcept { return name_; }
  std::string str() const;  // the secret itself: for the key file only
  PublicKey public_key() const;
  Result<Signature> sign(std::string_view fingerprint) const;  // Errors: internal

 private:
  SecretKey(std::string name, const crypto::Ed25519Secret& bytes)
      : name_(std::move(name)), bytes_(bytes) {}
  std::string name_;
  crypto::Ed25519Secret bytes_;
};

// True if one of `signatures` is a good one by one of `keys`. As Nix does: a signature counts only
// for a key of its own name, several signatures of one name are all tried, unknown names are passed
// over.
bool signed_by_any(std::string_view fingerprint, const std::vector<Signature>& signatures,
                   const std::vector<PublicKey>& keys);

}  // namespace ncps::nix
