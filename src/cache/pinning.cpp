#include "cache/pinning.h"

namespace ncps::cache {

Task<Pinned> add_pin(db::Pins& pins, db::Catalog& catalog, storage::BlobStore& store, db::Pin pin) {
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
