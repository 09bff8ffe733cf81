#include "cache/signing_key.h"

#include <charconv>

#include "cache/nar_layout.h"

namespace ncps::cache {

namespace {

Task<std::optional<nix::SecretKey>> find_key(storage::BlobStore& store, storage::BlobKey key) {
  CO_TRY(auto text, co_await store.find_text(key));
  if (!text) co_return std::nullopt;
  auto kept = nix::SecretKey::parse(*text);
  if (!kept) co_return std::unexpected(std::move(kept).error().while_doing("reading " + key.str()));
  co_return std::move(*kept);
}

Task<nix::SecretKey> find_or_make(storage::BlobStore& store, std::string hostname) {
  auto key = signing_key_key();
  CO_TRY(auto kept, co_await find_key(store, key));
  if (kept) co_return std::move(*kept);
  CO_TRY(auto fresh, nix::SecretKey::generate(hostname));
  auto put = co_await store.put_text(key, fresh.str(), storage::IfExists::keep);
  if (put) co_return fresh;
  if (put.error().kind() != ErrorKind::conflict) co_return std::unexpected(std::move(put).error());
  CO_TRY(kept, co_await find_key(store, key));  // another instance was first
  if (!kept) co_return fail(ErrorKind::unavailable, "the signing key came and went: " + key.str());
  co_return std::move(*kept);
}

Task<std::vector<nix::SecretKey>> with_previous(storage::BlobStore& store, nix::SecretKey today) {
  CO_TRY(auto previous, co_await find_key(store, previous_signing_key_key()));
  std::vector<nix::SecretKey> keys{std::move(today)};
  // The same: a rotation ended after its first step.
  if (previous && previous->name() != keys.front().name()) keys.push_back(std::move(*previous));
  co_return keys;
}

}  // namespace

Task<std::vector<nix::SecretKey>> load_signing_keys(storage::BlobStore& store,
                                                    std::string hostname) {
  CO_TRY(auto today, co_await find_or_make(store, std::move(hostname)));
  co_return co_await with_previous(store, std::move(today));
}

Task<std::vector<nix::SecretKey>> find_signing_keys(storage::BlobStore& store) {
  CO_TRY(auto today, co_await find_key(store, signing_key_key()));
  if (!today) co_return std::vector<nix::SecretKey>();
  co_return co_await with_previous(store, std::move(*today));
}

Task<nix::SecretKey> rotate_signing_key(storage::BlobStore& store, std::string hostname) {
  CO_TRY(auto keys, co_await load_signing_keys(store, std::move(hostname)));
  if (keys.size() > 1) {
    co_return fail(ErrorKind::conflict, "the key before today's, " + keys[1].name() +
                                            ", still signs: `ncps key retire` ends that");
  }
  const auto& today = keys.front();
  CO_TRY(auto fresh, nix::SecretKey::generate(next_key_name(today.name())));
  CO_TRY(
      co_await store.put_text(previous_signing_key_key(), today.str(), storage::IfExists::replace));
  CO_TRY(co_await store.put_text(signing_key_key(), fresh.str(), storage::IfExists::replace));
  co_return fresh;
}

Task<std::optional<nix::PublicKey>> retire_signing_key(storage::BlobStore& store) {
  auto key = previous_signing_key_key();
  CO_TRY(auto previous, co_await find_key(store, key));
  if (!previous) co_return std::nullopt;
  CO_TRY(co_await store.remove(key));
  co_return previous->public_key();
}

std::string next_key_name(std::string_view name) {
  auto dash = name.rfind('-');
  auto digits = dash == name.npos ? std::string_view() : name.substr(dash + 1);
  unsigned number = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  bool numbered = !digits.empty() && error == std::errc() && end == digits.data() + digits.size() &&
                  number < 1'000'000;
  if (!numbered) return std::string(name) + "-2";
  return std::string(name.substr(0, dash + 1)) + std::to_string(number + 1);
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
