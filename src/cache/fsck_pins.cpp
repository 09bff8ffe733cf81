#include "cache/fsck_pins.h"

#include "cache/fsck_lists.h"
#include "cache/nar_layout.h"
#include "cache/pinning.h"
#include "rt/signal.h"

namespace ncps::cache {
namespace {

constexpr std::size_t kMostWaiting = 10'000;  // for their second look

std::optional<std::string> pin_name(const storage::BlobKey& key) {
  auto name = key.str().substr(key.str().rfind('/') + 1);
  auto hash = nix::StorePathHash::parse(name);
  return hash && pin_key(*hash) == key ? std::optional(name) : std::nullopt;
}

}  // namespace

Task<std::uint64_t> FsckPins::look_at_all() {
  StoreList files(deps_.store, {storage::BlobKey::parse("store/pin").value()}, pin_name);
  RowList<db::Pin> rows(
      [this](std::string after) { return deps_.inventory.pins(std::move(after)); },
      [](const db::Pin& pin) { return std::string(pin.hash.str()); });
  std::vector<nix::StorePathHash> waiting;
  for (;;) {
    CO_TRY(auto pair, co_await next_pair(files, rows));
    if (pair && pair->lying.has_value() != pair->row.has_value())
      waiting.push_back(nix::StorePathHash::parse(pair->name).value());
    if (!pair || waiting.size() == kMostWaiting) co_await look_again(std::exchange(waiting, {}));
    if (!pair) break;
  }
  co_return files.strange();
}

boost::asio::awaitable<void> FsckPins::look_again(std::vector<nix::StorePathHash> hashes) {
  if (!hashes.empty()) co_await sleep_for(options_.settling);
  for (const auto& hash : hashes) {
    auto done = co_await look(hash);
    if (!done) report_.unchecked("pin " + std::string(hash.str()), done.error());
  }
}

Task<void> FsckPins::look(nix::StorePathHash hash) {
  auto key = pin_key(hash);
  CO_TRY(auto row, co_await deps_.inventory.find_pin(hash));
  CO_TRY(auto text, co_await deps_.store.find_text(key));
  if (row.has_value() == text.has_value()) co_return Result<void>();
  auto flaw = row ? Flaw::pin_without_file : Flaw::pin_without_row;
  report_.found(flaw, hash.str());
  if (options_.changes != Changes::all || deps_.pins == nullptr) co_return Result<void>();
  if (row) CO_TRY(co_await make_file(*std::move(row)));
  if (text) CO_TRY(co_await make_row(hash, *std::move(text)));
  report_.mended(flaw);
  co_return Result<void>();
}

// Somebody may be removing it just now: then what was made goes, too.
Task<void> FsckPins::make_row(nix::StorePathHash hash, std::string text) {
  auto key = pin_key(hash);
  auto pin = read_pin(hash, text);
  CO_TRY(co_await deps_.pins->add(std::move(pin)));
  CO_TRY(auto still, co_await deps_.store.find_text(key));
  if (!still) CO_TRY(co_await deps_.pins->remove(hash));
  co_return Result<void>();
}

Task<void> FsckPins::make_file(db::Pin pin) {
  auto key = pin_key(pin.hash);
  auto text = print_pin(pin);
  CO_TRY(co_await deps_.store.put_text(key, std::move(text), storage::IfExists::replace));
  CO_TRY(auto still, co_await deps_.inventory.find_pin(pin.hash));
  if (!still) CO_TRY(co_await deps_.store.remove(key));
  co_return Result<void>();
}

}  // namespace ncps::cache
