#include "cache/fsck_objects.h"

namespace ncps::cache {

Task<std::optional<Lying>> FsckObjects::lying(const std::string& key, db::Time published) const {
  auto place = storage::BlobKey::parse(key);
  if (!place) co_return std::nullopt;  // nothing can lie there
  CO_TRY(auto blob, co_await deps_.store.open(*place));
  if (!blob) co_return std::nullopt;
  co_return Lying{.size = blob->size(), .published = published};
}

boost::asio::awaitable<void> FsckObjects::look_again(std::string key, db::Time published) {
  auto done = co_await look(key, published);
  if (!done) report_.unchecked(key, done.error());
}

Task<void> FsckObjects::look(const std::string& key, db::Time published) {
  CO_TRY(auto row, co_await deps_.inventory.find_object(key));
  CO_TRY(auto lies, co_await lying(key, published));
  auto flaw = look_at_object(lies, row ? &*row : nullptr, options_.objects_grace_from);
  if (!flaw) co_return Result<void>();
  report_.found(*flaw, key);
  if (options_.changes != Changes::all) co_return Result<void>();
  if (*flaw == Flaw::object_absent) {
    CO_TRY(co_await forget(key));
  } else {
    CO_TRY(co_await deps_.inventory.put_object({.key = key, .size = lies->size}));
  }
  report_.mended(*flaw);
  co_return Result<void>();
}

// Somebody may just have brought it: its row must not be the one that goes.
Task<void> FsckObjects::forget(const std::string& key) {
  CO_TRY(co_await deps_.inventory.remove_object(key));
  CO_TRY(auto lies, co_await lying(key, {}));
  if (lies) CO_TRY(co_await deps_.inventory.put_object({.key = key, .size = lies->size}));
  co_return Result<void>();
}

}  // namespace ncps::cache
