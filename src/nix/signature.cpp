#include "nix/signature.h"

#include <algorithm>
#include <utility>

#include "crypto/encoding.h"
#include "nix/text.h"

namespace ncps::nix {
namespace {

template <class Array>
struct Named {
  std::string name;
  Array bytes;
};

// Control characters count as white space: a name must not break the line that it stands in.
bool may_be_in_name(char c) {
  return c != ':' && static_cast<unsigned char>(c) > ' ' && c != '\x7f';
}

Result<void> check_name(std::string_view name) {
  if (name.empty() || !std::ranges::all_of(name, may_be_in_name)) {
    return fail(ErrorKind::invalid, "the name of a key is empty or has a ':' or white space");
  }
  return {};
}

// Messages never quote the text: it may be a secret.
template <class Array>
Result<Named<Array>> parse_named(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos)
    return fail(ErrorKind::invalid, "not of the form name:base64");
  const auto name = text.substr(0, colon);
  TRY(check_name(name));
  TRY(auto decoded, crypto::from_base64(text.substr(colon + 1)));
  Named<Array> named{std::string(name), {}};
  if (decoded.size() != named.bytes.size()) {
    return fail(ErrorKind::invalid, "base64 of the wrong number of bytes");
  }
  std::ranges::copy(decoded, named.bytes.begin());
  return named;
}

template <class Array>
std::string print_named(const std::string& name, const Array& bytes) {
  return name + ':' + crypto::to_base64(bytes);
}

}  // namespace

Result<Signature> Signature::parse(std::string_view text) {
  TRY(auto named, parse_named<crypto::Ed25519Signature>(text));
  return Signature{std::move(named.name), named.bytes};
}

std::string Signature::str() const {
  return print_named(key_name, bytes);
}

Result<PublicKey> PublicKey::parse(std::string_view text) {
  TRY(auto named, parse_named<crypto::Ed25519Public>(text));
  return PublicKey{std::move(named.name), named.bytes};
}

std::string PublicKey::str() const {
  return print_named(name, bytes);
}

Result<SecretKey> SecretKey::parse(std::string_view text) {
  TRY(auto named, parse_named<crypto::Ed25519Secret>(trim(text)));
  if (!crypto::consistent(named.bytes)) {
    return fail(ErrorKind::invalid, "the secret key is damaged: its halves do not belong together");
  }
  return SecretKey(std::move(named.name), named.bytes);
}

Result<SecretKey> SecretKey::generate(std::string name) {
  TRY(check_name(name));
  TRY(auto bytes, crypto::generate_ed25519());
  return SecretKey(std::move(name), bytes);
}

std::string SecretKey::str() const {
  return print_named(name_, bytes_);
}

PublicKey SecretKey::public_key() const {
  return {name_, crypto::public_half(bytes_)};
}

Result<Signature> SecretKey::sign(std::string_view fingerprint) const {
  TRY(auto bytes, crypto::sign(bytes_, fingerprint));
  return Signature{name_, bytes};
}

bool signed_by_any(std::string_view fingerprint, const std::vector<Signature>& signatures,
                   const std::vector<PublicKey>& keys) {
  return std::ranges::any_of(signatures, [&](const Signature& signature) {
    return std::ranges::any_of(keys, [&](const PublicKey& key) {
      return key.name == signature.key_name &&
             crypto::verify(key.bytes, fingerprint, signature.bytes);
    });
  });
}

}  // namespace ncps::nix
