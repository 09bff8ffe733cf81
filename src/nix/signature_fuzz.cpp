#include "nix/signature.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::nix {
namespace {

// A name that goes into a line, and comes back out of it.
void check_name(std::string_view name) {
  CHECK(!name.empty() && name.find_first_of(": \t\r\n") == name.npos);
}

}  // namespace

FUZZ_TARGET(signature) {
  if (auto signature = Signature::parse(input)) {
    check_name(signature->key_name);
    CHECK(signature->str() == input);
  }
  if (auto key = PublicKey::parse(input)) {
    check_name(key->name);
    CHECK(PublicKey::parse(key->str()) == *key);
  }
  auto refused = SecretKey::parse(fuzzing::with_secret(input));
  if (!refused) CHECK(!refused.error().what().contains(fuzzing::kSecret));
  auto key = SecretKey::parse(input);
  if (!key) return;
  check_name(key->name());
  CHECK(SecretKey::parse(key->str())->str() == key->str());
  // Signs what its public key vouches for, and for nothing else.
  auto signature = key->sign("1;fingerprint");
  if (!signature) return;
  CHECK(signed_by_any("1;fingerprint", {*signature}, {key->public_key()}));
  CHECK(!signed_by_any("1;fingerprinT", {*signature}, {key->public_key()}));
}

}  // namespace ncps::nix
