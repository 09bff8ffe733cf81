#include "cache/removal.h"

#include <algorithm>
#include <iterator>

#include "cache/nar_layout.h"
#include "nix/nar_info.h"
#include "nix/object_path.h"
#include "telemetry/span.h"

namespace ncps::cache {
namespace {

constexpr auto kLockTime = std::chrono::seconds(60);  // of uploads under the same name

}  // namespace

// Under which URL its NAR lies, by its row, or by its text where the row is lost.
Task<std::optional<nix::NarUrl>> Removal::nar_of(const nix::StorePathHash& hash, bool& found) {
  CO_TRY(auto row, co_await catalog_.find_narinfo(hash));
  auto key = narinfo_key(hash);
  CO_TRY(auto text, co_await store_.find_text(key));
  found = row || text;
  if (row) co_return std::move(row->nar_url);
  if (!text) {
    auto left = unfinished_.with([&](const auto& all) {
      auto it = all.find(hash);
      return it == all.end() ? std::nullopt : std::optional(it->second);
    });
    found = left.has_value();
    co_return left;
  }
  auto info = nix::parse_nar_info(*text);
  if (!info) co_return std::nullopt;
  auto url = nix::NarUrl::parse(info->url);
  if (!url) co_return std::nullopt;
  co_return std::move(*url);
}

void Removal::begin(const nix::StorePathHash& hash, const nix::NarUrl& url) {
  unfinished_.with([&](auto& all) {
    if (all.size() >= kMostUnfinished && !all.contains(hash)) all.erase(all.begin());  // any
    all.insert_or_assign(hash, url);
  });
}

Task<void> Removal::remove_files(nix::StorePathHash hash) {
  auto narinfo = narinfo_key(hash);
  CO_TRY(co_await store_.remove(narinfo));
  CO_TRY(co_await marks_.remove(hash));
  auto listing = nix::ObjectPath::parse(std::string(hash.str()) + ".ls");
  if (listing) CO_TRY(co_await store_.remove(object_key(*listing)));
  co_return Result<void>();
}

Task<bool> Removal::remove_blob(storage::BlobKey key) {
  CO_TRY(auto blob, co_await store_.open(key));
  if (!blob) co_return false;
  CO_TRY(co_await store_.remove(key));
  co_return true;
}

Task<Removed> Removal::narinfo(nix::StorePathHash hash) {
  trace::Span span("cache.remove_narinfo");
  auto deadline = Deadline::after(kLockTime);
  CO_TRY(auto held, co_await locks_.narinfos.take(hash, deadline));
  bool found = false;
  CO_TRY(auto url, co_await nar_of(hash, found));
  if (!found) co_return Removed{};
  std::optional<KeyLocks<nix::NarUrl>::Held> nar_held;
  if (url) {
    CO_TRY(auto taken, co_await locks_.nars.take(*url, deadline));
    nar_held.emplace(std::move(taken));
  }
  // A flight that is under way would write file and row again.
  CO_TRY(auto alone, co_await narinfos_.hold(hash, deadline));
  if (url) begin(hash, *url);  // what fails from here on is found again by its hash
  CO_TRY(co_await remove_files(hash));
  CO_TRY(auto orphan, co_await catalog_.uploads().remove_narinfo(hash));
  forget_(hash);
  if (!orphan && url) {
    // It had no row: is its NAR anybody's?
    CO_TRY(auto others, co_await catalog_.uploads().narinfos_of(*url));
    CO_TRY(auto row, co_await catalog_.find_nar(*url));
    if (others.empty() && !row) orphan = url;
  }
  if (orphan) {
    CO_TRY(auto excluded, co_await downloads_.exclude(*orphan, deadline));
    CO_TRY(co_await store_.remove(nar_key(*orphan)));
  }
  unfinished_.with([&](auto& all) { all.erase(hash); });
  co_return Removed{.found = true};
}

// The locks of narinfos come before that of their NAR (key_locks.h); so the list may be another one
// when all are taken.
Task<Removal::Locks> Removal::lock_with_narinfos(const nix::NarUrl& url, Deadline deadline) {
  CO_TRY(auto before, co_await catalog_.uploads().narinfos_of(url));
  std::ranges::sort(before);
  Locks locks;
  for (const auto& hash : before) {
    CO_TRY(auto held, co_await locks_.narinfos.take(hash, deadline));
    locks.narinfos.push_back(std::move(held));
  }
  CO_TRY(auto held, co_await locks_.nars.take(url, deadline));
  locks.nar.emplace(std::move(held));
  for (const auto& hash : before) {
    CO_TRY(auto alone, co_await narinfos_.hold(hash, deadline));
    locks.alone.push_back(std::move(alone));
  }
  CO_TRY(auto now, co_await catalog_.uploads().narinfos_of(url));
  std::ranges::sort(now);
  std::ranges::set_intersection(before, now, std::back_inserter(locks.leading));
  locks.complete = locks.leading.size() == now.size() && now.size() < db::Catalog::kMostAtOnce;
  co_return std::move(locks);
}

Task<Removed> Removal::nar(nix::NarUrl url) {
  trace::Span span("cache.remove_nar");
  auto deadline = Deadline::after(kLockTime);
  Removed removed;
  for (;;) {
    CO_TRY(auto locks, co_await lock_with_narinfos(url, deadline));
    CO_TRY(auto row, co_await catalog_.find_nar(url));
    for (const auto& hash : locks.leading) {
      CO_TRY(co_await remove_files(hash));
      if (locks.complete) continue;
      CO_TRY(co_await catalog_.uploads().remove_narinfo(hash));
      forget_(hash);
    }
    removed.found = removed.found || row;
    if (locks.complete) {
      if (row) CO_TRY(co_await catalog_.uploads().remove_nar(url));
      for (const auto& hash : locks.leading) forget_(hash);
      CO_TRY(auto alone, co_await downloads_.exclude(url, deadline));
      CO_TRY(auto was_there, co_await remove_blob(nar_key(url)));
      unfinished_.with([&](auto& all) {
        for (const auto& hash : locks.leading) all.erase(hash);
      });
      removed.found = removed.found || was_there;
      co_return removed;
    }
    if (deadline.passed())
      co_return fail(ErrorKind::timeout, "narinfos that lead to it kept coming");
  }
}

}  // namespace ncps::cache
