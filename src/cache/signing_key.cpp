#include "cache/signing_key.h"

#include "cache/nar_layout.h"

namespace ncps::cache {

Task<nix::SecretKey> load_signing_key(storage::BlobStore& store, std::string hostname) {
  auto key = signing_key_key();
  CO_TRY(auto text, co_await store.find_text(key));
  if (!text) {
    CO_TRY(auto fresh, nix::SecretKey::generate(hostname));
    auto put = co_await store.put_text(key, fresh.str(), storage::IfExists::keep);
    if (put) co_return fresh;
    if (put.error().kind() != ErrorKind::conflict)
      co_return std::unexpected(std::move(put).error());
    CO_TRY(text, co_await store.find_text(key));  // another instance was first
    if (!text)
      co_return fail(ErrorKind::unavailable, "the signing key came and went: " + key.str());
  }
  auto kept = nix::SecretKey::parse(*text);
  if (!kept) co_return std::unexpected(std::move(kept).error().while_doing("reading " + key.str()));
  co_return std::move(*kept);
}

Task<KeyImport> import_signing_key(storage::BlobStore& store, std::optional<std::string> text,
                                   Changes changes) {
  if (!text) co_return KeyImport::none;
  auto imported = nix::SecretKey::parse(*text);
  if (!imported)
    co_return std::unexpected(std::move(imported).error().while_doing("the database's secret key"));
  auto key = signing_key_key();
  CO_TRY(auto ours, co_await store.find_text(key));
  if (!ours && changes == Changes::none) co_return KeyImport::taken;
  if (!ours) {
    auto put = co_await store.put_text(key, imported->str(), storage::IfExists::keep);
    if (put) co_return KeyImport::taken;
    if (put.error().kind() != ErrorKind::conflict)
      co_return std::unexpected(std::move(put).error());
    CO_TRY(ours, co_await store.find_text(key));  // somebody was first
  }
  auto kept = nix::SecretKey::parse(ours.value_or(""));
  if (!kept) co_return std::unexpected(std::move(kept).error().while_doing("reading " + key.str()));
  co_return kept->str() == imported->str() ? KeyImport::same : KeyImport::other;
}

}  // namespace ncps::cache
