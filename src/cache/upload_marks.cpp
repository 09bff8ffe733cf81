#include "cache/upload_marks.h"

#include "cache/nar_layout.h"
#include "cache/room.h"
#include "crypto/encoding.h"
#include "crypto/sha256.h"

namespace ncps::cache {
namespace {

constexpr std::size_t kLine = 65;  // 64 hex and a newline

std::string line_of(const nix::NarInfo& info) {
  return crypto::to_hex(crypto::sha256(nix::fingerprint(info))) + "\n";
}

}  // namespace

// The mark before it stays for as long as the narinfo is that of before: until this put returns, and
// the narinfo is written.
Task<void> UploadMarks::put(nix::NarInfo info) {
  auto key = upload_mark_key(info.store_path.hash());
  CO_TRY(auto before, co_await store_.find_text(key));
  auto text = line_of(info);
  if (before && before->starts_with(text)) co_return Result<void>();
  if (before) text += before->substr(0, kLine);
  co_return co_await put_text_in_room(store_, std::move(key), std::move(text), space_);
}

Task<bool> UploadMarks::has(nix::NarInfo info) {
  auto key = upload_mark_key(info.store_path.hash());
  CO_TRY(auto text, co_await store_.find_text(key));
  co_return text && text->find(line_of(info)) != std::string::npos;
}

Task<void> UploadMarks::remove(nix::StorePathHash hash) {
  auto key = upload_mark_key(hash);
  co_return co_await store_.remove(key);
}

}  // namespace ncps::cache
