#include "cache/object_upload.h"

#include "cache/nar_layout.h"
#include "cache/object_fetcher.h"
#include "cache/read_upload.h"
#include "cache/room.h"
#include "nix/json_object.h"

namespace ncps::cache {

Task<UploadAnswer> ObjectUploads::put(nix::ObjectPath path, ByteSource& body,
                                      nix::Compression encoding) {
  auto key = object_key(path);
  CO_TRY(auto blob, co_await store_.stage(key));
  std::uint64_t size = 0;
  std::optional<nix::JsonObjectCheck> json;
  if (path.kind() != nix::ObjectKind::log) json.emplace();
  std::string left;  // of a piece, that a full disk did not take; at most what an object may have
  auto append = [&](std::string_view part) -> Result<void> {
    if (json) TRY(json->feed(part));
    size += part.size();
    if (!left.empty()) {
      left += part;
      return {};
    }
    auto before = blob->file().size();
    auto written = blob->file().append(part);
    if (written || !written.error().no_space() || space_ == nullptr) return written;
    left = part.substr(blob->file().size() - before);
    return {};
  };
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited while it lives
  auto append_left = [&]() -> Task<void> {
    auto bytes = std::exchange(left, {});
    if (bytes.empty()) co_return Result<void>();
    co_return co_await append_in_room(blob->file(), bytes, 0, disk_, space_);
  };
  auto most = max_object_bytes(path.kind());
  auto answer = co_await read_upload(body, encoding, most, disk_, append, append_left);
  if (answer && answer->verdict == Verdict::kept && json) {
    auto whole = json->finish();
    if (!whole) co_return refuse(Verdict::unfit, whole.error().what());
  }
  if (answer && answer->verdict != Verdict::kept) co_return std::move(answer);
  Result<void> done = {};
  if (answer && space_ != nullptr && !co_await space_->reserve(size))
    co_return refuse(Verdict::no_room, "there is no room for it here now");
  if (answer) done = co_await publish_reserved(*blob, size, space_);
  if (!answer) done = std::unexpected(std::move(answer).error());
  if (!done && is_no_room(done.error()))
    co_return refuse(Verdict::no_room, "there is no room for it here now");
  if (!done) co_return std::unexpected(std::move(done).error());
  if (uses_ != nullptr) uses_->used(key, size);  // a round that begins now counts it
  if (space_ != nullptr) space_->keep(size);
  co_return UploadAnswer{};
}

}  // namespace ncps::cache
