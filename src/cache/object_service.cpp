#include "cache/object_service.h"

#include "cache/feed.h"
#include "cache/nar_layout.h"
#include "crypto/encoding.h"
#include "crypto/sha256.h"
#include "telemetry/span.h"

namespace ncps::cache {
namespace {

// For everything behind one answer, the download of a NAR included. Clients wait less.
constexpr auto kBringTime = std::chrono::minutes(5);

}  // namespace

Task<std::optional<OpenObject>> ObjectService::find(nix::ObjectPath path, Deadline deadline) {
  trace::Span span("cache.object");
  std::string_view how = "hit";
  while (!deadline.passed()) {
    auto key = object_key(path);
    CO_TRY(auto blob, co_await store_.open(key));
    if (blob) {
      if (uses_ != nullptr) uses_->used(key, blob->size());
      co_return co_await opened(key, std::move(blob), how, deadline);
    }
    // What is missing everywhere is asked for again each time: this is the place to remember it.
    auto work = [this, path] { return bring(path); };
    CO_TRY(auto presence, co_await flights_.run(path, std::move(work), deadline));
    if (presence == Presence::absent) co_return std::nullopt;
    how = "miss";
  }
  co_return fail(ErrorKind::timeout, "no answer before the deadline");
}

Task<std::optional<OpenObject>> ObjectService::find_kept(nix::ObjectPath path, Deadline deadline) {
  auto key = object_key(path);
  CO_TRY(auto blob, co_await store_.open(key));
  if (!blob) co_return std::nullopt;
  if (uses_ != nullptr) uses_->used(key, blob->size());
  co_return co_await opened(key, std::move(blob), "hit", deadline);
}

Task<OpenObject> ObjectService::opened(const storage::BlobKey& key,
                                       std::unique_ptr<storage::Blob> blob, std::string_view how,
                                       Deadline deadline) {
  CO_TRY(auto etag, co_await etag_of(key, *blob, deadline));
  co_return OpenObject{.blob = std::move(blob), .etag = std::move(etag), .how = how};
}

// The bytes themselves say what they are: two instances, or a store made anew, may have got the
// same name from different upstreams. Once for each version that the store has of them.
Task<std::string> ObjectService::etag_of(const storage::BlobKey& key, storage::Blob& blob,
                                         Deadline deadline) {
  auto version = blob.version();
  auto known = etags_.with([&](auto& etags) {
    auto last = etags.take(key.str());
    if (!last || version.empty() || last->version != version) return std::string();
    etags.put(key.str(), *last);
    return last->etag;
  });
  if (!known.empty()) co_return known;
  crypto::Sha256 sha;
  auto update = [&](std::string_view part) -> Result<void> {
    sha.update(part);
    return {};
  };
  auto source = blob.read(0, blob.size());
  CO_TRY(co_await feed(*source, cpu_, deadline, update));
  auto etag = "\"" + crypto::to_hex(sha.finish()).substr(0, 32) + "\"";
  if (!version.empty())
    etags_.with([&](auto& etags) { etags.put(key.str(), KnownETag{std::move(version), etag}); });
  co_return etag;
}

Task<Presence> ObjectService::bring(nix::ObjectPath path) {
  auto deadline = Deadline::after(kBringTime);
  bool listing = path.kind() == nix::ObjectKind::listing;
  CO_TRY(auto slot, co_await (listing ? listing_slots_ : slots_).take(deadline));
  // Somebody may have brought it between our caller's look and this flight.
  auto key = object_key(path);
  CO_TRY(auto at_rest, co_await store_.find(key));
  if (at_rest) co_return Presence::at_rest;
  CO_TRY(auto presence, co_await bring_now(path, deadline));
  if (presence == Presence::absent || space_ == nullptr) co_return presence;
  CO_TRY(at_rest, co_await store_.find(key));
  if (at_rest) space_->add(*at_rest);  // its row comes with the note of its first use
  co_return presence;
}

Task<Presence> ObjectService::bring_now(nix::ObjectPath path, Deadline deadline) {
  if (path.kind() == nix::ObjectKind::listing) co_return co_await bring_listing(path, deadline);
  co_return co_await fetcher_.fetch(path, deadline);
}

// Through the narinfo: only what is signed as it must be has a listing here, and what is missing is
// found missing in the same way.
Task<Presence> ObjectService::bring_listing(const nix::ObjectPath& path, Deadline deadline) {
  CO_TRY(auto hash, nix::StorePathHash::parse(path.id()));
  CO_TRY(auto nar, co_await listings_.find_nar(hash, deadline));
  if (!nar) co_return Presence::absent;
  CO_TRY(auto here, co_await listings_.from_rest(*nar, deadline));
  if (here) co_return co_await keep(path, std::move(*here));
  CO_TRY(auto presence, co_await fetcher_.fetch(path, deadline));
  if (presence == Presence::at_rest) co_return presence;
  CO_TRY(auto made, co_await listings_.from_upstreams(*nar, deadline));
  if (made) co_return co_await keep(path, std::move(*made));
  co_return Presence::absent;
}

Task<Presence> ObjectService::keep(const nix::ObjectPath& path, std::string text) {
  auto key = object_key(path);
  CO_TRY(co_await store_.put_text(key, std::move(text), storage::IfExists::replace));
  co_return Presence::at_rest;
}

void ObjectService::cut_off() {
  slots_.close();
  listing_slots_.close();
  listings_.cut_off();
}

}  // namespace ncps::cache
