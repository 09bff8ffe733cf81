#include "cache/pinned_closure.h"

#include "cache/nar_layout.h"
#include "nix/nar_info.h"
#include "telemetry/log.h"

namespace ncps::cache {

Task<void> PinnedClosure::refresh() {
  auto now = std::chrono::steady_clock::now();
  if (now - known_since_ >= believed_) {
    known_.clear();
    known_since_ = now;
  }
  CO_TRY(auto pins, co_await pins_.list());
  std::vector<nix::StorePathHash> roots;
  roots.reserve(pins.size());
  for (const auto& pin : pins) roots.push_back(pin.hash);
  co_return co_await walk(std::move(roots));
}

Task<void> PinnedClosure::walk(std::vector<nix::StorePathHash> roots) {
  std::unordered_set<nix::StorePathHash> members;
  std::vector<nix::StorePathHash> next;
  auto reach = [&](const nix::StorePathHash& hash) {
    if (members.insert(hash).second) next.push_back(hash);
  };
  for (const auto& root : roots) reach(root);
  while (!next.empty()) {
    if (members.size() > kMost)
      co_return fail(ErrorKind::unavailable, "the closures of the pins have more than " +
                                                 std::to_string(kMost) + " store paths");
    auto hash = next.back();
    next.pop_back();
    CO_TRY(const auto* references, co_await references_of(hash));
    if (references != nullptr)
      for (const auto& reference : *references) reach(reference);
  }
  members_ = std::move(members);
  std::erase_if(known_, [&](const auto& entry) { return !members_.contains(entry.first); });
  co_return Result<void>();
}

Task<const PinnedClosure::References*> PinnedClosure::references_of(nix::StorePathHash hash) {
  if (auto it = known_.find(hash); it != known_.end()) co_return &it->second;
  CO_TRY(auto row, co_await catalog_.find_narinfo(hash));
  std::optional<std::string> text;
  if (row) {
    text = std::move(row->text);
  } else {
    auto key = narinfo_key(hash);
    CO_TRY(text, co_await store_.find_text(key));
  }
  if (!text) co_return nullptr;
  auto info = nix::parse_nar_info(*text);
  if (!info) {
    log::warn("a narinfo of a pinned closure cannot be read, so its references are not kept",
              {{"narinfo", hash.str()}, {"error", info.error().what()}});
    co_return nullptr;
  }
  References references;
  for (const auto& reference : info->references) references.push_back(reference.hash());
  co_return &known_.emplace(hash, std::move(references)).first->second;
}

}  // namespace ncps::cache
