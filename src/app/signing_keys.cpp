#include "app/signing_keys.h"

#include "cache/signing_key.h"
#include "rt/block_on.h"

namespace ncps::app {

Result<std::vector<nix::SecretKey>> signing_keys(const config::ServeOptions& options,
                                                 Runtime& runtime, storage::BlobStore& store) {
  if (!options.secret_keys.empty()) return options.secret_keys;
  return block_on(runtime, cache::load_signing_keys(store, options.hostname));
}

Result<std::vector<nix::SecretKey>> find_signing_keys(const config::ServeOptions& options,
                                                      Runtime& runtime, storage::BlobStore& store) {
  if (!options.secret_keys.empty()) return options.secret_keys;
  TRY(auto keys, block_on(runtime, cache::find_signing_keys(store)));
  if (keys.empty())
    return fail(ErrorKind::not_found,
                "the storage has no signing key yet: the first start of the server makes one");
  return keys;
}

std::string joined_public(const std::vector<nix::SecretKey>& keys) {
  std::string text;
  for (const auto& key : keys) {
    if (!text.empty()) text += ' ';
    text += key.public_key().str();
  }
  return text;
}

}  // namespace ncps::app
