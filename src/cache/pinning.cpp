#include "cache/pinning.h"

#include "cache/nar_layout.h"
#include "cache/room.h"
#include "nix/store_path.h"

namespace ncps::cache {
namespace {

// A store path that is known stays known.
Task<void> put_file(storage::BlobStore& store, const db::Pin& pin, Space* space) {
  auto key = pin_key(pin.hash);
  CO_TRY(auto before, co_await store.find_text(key));
  auto text = print_pin(pin);
  if (before && (pin.store_path.empty() || *before == text)) co_return Result<void>();
  co_return co_await put_text_in_room(store, std::move(key), std::move(text), space);
}

}  // namespace

std::string print_pin(const db::Pin& pin) {
  return (pin.store_path.empty() ? std::string(pin.hash.str()) : pin.store_path) + "\n";
}

db::Pin read_pin(const nix::StorePathHash& hash, std::string_view text) {
  auto path = nix::StorePath::parse(text.substr(0, text.find('\n')));
  bool is_its = path && path->hash() == hash;
  return {.hash = hash, .store_path = is_its ? path->str() : std::string()};
}

Task<bool> remove_pin(db::Pins& pins, storage::BlobStore& store, nix::StorePathHash hash) {
  auto key = pin_key(hash);
  CO_TRY(auto file, co_await store.find_text(key));
  if (file) CO_TRY(co_await store.remove(key));
  CO_TRY(bool row, co_await pins.remove(hash));
  co_return row || file.has_value();
}

Task<Pinned> add_pin(db::Pins& pins, db::Catalog& catalog, storage::BlobStore& store, db::Pin pin,
                     Space* space) {
  CO_TRY(co_await put_file(store, pin, space));
  CO_TRY(bool fresh, co_await pins.add(pin));
  PinnedClosure closure(pins, catalog, store);
  std::vector<nix::StorePathHash> roots = {pin.hash};
  CO_TRY(co_await closure.walk(std::move(roots)));
  auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  db::Uses uses;
  for (const auto& hash : closure.members()) {
    uses.narinfos.push_back(hash);
    if (uses.narinfos.size() < db::Catalog::kMostAtOnce) continue;
    CO_TRY(co_await catalog.note_uses(std::exchange(uses, {}), now));
  }
  CO_TRY(co_await catalog.note_uses(std::move(uses), now));
  co_return Pinned{.fresh = fresh, .closure = closure.size()};
}

}  // namespace ncps::cache
