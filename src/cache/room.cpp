#include "cache/room.h"

namespace ncps::cache {
namespace {

// What a name wants besides the bytes: a folder, its entry, a row.
constexpr std::uint64_t kNameRoom = 64 * 1024;

// Attempts that write nothing: somebody else was quicker, or a quota says no though the disk has room.
constexpr int kMostFruitless = 3;

// Whether it is worth another attempt.
Task<bool> room_after(const Result<void>& done, std::uint64_t bytes, Space* space) {
  if (done || !done.error().no_space() || space == nullptr) co_return false;
  co_return co_await space->make_room(bytes);
}

Task<void> publish(storage::StagedBlob& blob, Space* space) {
  auto published = co_await blob.publish();
  CO_TRY(bool room, co_await room_after(published, kNameRoom, space));
  if (!room) co_return std::move(published);
  co_return co_await blob.publish();
}

}  // namespace

Task<void> append_in_room(storage::SpoolFile& file, std::string_view bytes,
                          std::uint64_t still_to_come, Pool& disk, Space* space) {
  for (int fruitless = 0;;) {
    auto before = file.size();
    auto work = [&] { return file.append(bytes); };
    auto written = co_await offload(disk, std::move(work));
    if (written) co_return Result<void>();
    auto got = file.size() - before;
    fruitless = got == 0 ? fruitless + 1 : 0;
    if (file.spoiled() || fruitless > kMostFruitless) co_return std::move(written);
    bytes.remove_prefix(got);
    CO_TRY(bool room, co_await room_after(written, bytes.size() + still_to_come, space));
    if (!room) co_return std::move(written);
  }
}

Task<void> publish_reserved(storage::StagedBlob& blob, std::uint64_t size, Space* space) {
  auto published = co_await publish(blob, space);
  if (space != nullptr && !published) space->give_back(size);
  co_return std::move(published);
}

Task<void> put_text_in_room(storage::BlobStore& store, storage::BlobKey key, std::string text,
                            Space* space) {
  auto put = co_await store.put_text(key, text, storage::IfExists::replace);
  CO_TRY(bool room, co_await room_after(put, kNameRoom, space));
  if (!room) co_return std::move(put);
  co_return co_await store.put_text(key, std::move(text), storage::IfExists::replace);
}

}  // namespace ncps::cache
