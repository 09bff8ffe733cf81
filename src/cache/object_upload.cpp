#include "cache/object_upload.h"

#include "cache/nar_layout.h"
#include "cache/object_fetcher.h"
#include "cache/read_upload.h"
#include "nix/json_object.h"

namespace ncps::cache {

Task<UploadAnswer> ObjectUploads::put(nix::ObjectPath path, ByteSource& body,
                                      nix::Compression encoding) {
  auto key = object_key(path);
  CO_TRY(auto blob, co_await store_.stage(key));
  std::uint64_t size = 0;
  std::optional<nix::JsonObjectCheck> json;
  if (path.kind() != nix::ObjectKind::log) json.emplace();
  auto append = [&](std::string_view part) -> Result<void> {
    if (json) TRY(json->feed(part));
    size += part.size();
    return blob->file().append(part);
  };
  auto answer = co_await read_upload(body, encoding, max_object_bytes(path.kind()), disk_, append);
  if (answer && answer->verdict == Verdict::kept && json) {
    auto whole = json->finish();
    if (!whole) co_return refuse(Verdict::unfit, whole.error().what());
  }
  if (answer && answer->verdict != Verdict::kept) co_return std::move(answer);
  Result<void> done = {};
  if (answer) done = co_await blob->publish();
  if (!answer) done = std::unexpected(std::move(answer).error());
  if (!done && is_no_room(done.error()))
    co_return refuse(Verdict::no_room, "there is no room for it here now");
  if (!done) co_return std::unexpected(std::move(done).error());
  if (uses_ != nullptr) uses_->used(key, size);  // a round that begins now counts it
  if (space_ != nullptr) space_->add(size);
  co_return UploadAnswer{};
}

}  // namespace ncps::cache
