#include "cache/bringing.h"

#include <algorithm>

#include "cache/nar_layout.h"
#include "telemetry/log.h"

namespace ncps::cache {
namespace {

constexpr std::chrono::seconds kAskTime{10};  // for a lease

bool same(const std::optional<lock::Holder>& a, const lock::Holder& b) {
  return a && a->fence == b.fence && a->note == b.note;
}

std::string own_address(const Sharing& sharing) {
  return sharing.address ? sharing.address() : std::string();
}

}  // namespace

Task<MayKeep> Bringing::run() {
  if (deps_.sharing == nullptr) co_return co_await from_upstreams(MayKeep::yes);
  const auto& sharing = *deps_.sharing;
  auto given_back = sharing.leases.given_back(download_lease(job_.url));
  spool_.for_us_alone(true);
  for (;;) {
    auto seen = given_back->version();
    if (spool_.view().state == SpoolState::failed)
      co_return fail(ErrorKind::unavailable, "the download has failed meanwhile");
    // Discarded: it goes on for those who read it, and has no say any more.
    if (lease_.dropped()) co_return co_await from_upstreams(MayKeep::no);
    CO_TRY(auto view, co_await look());
    switch (next_follow(sharing.follow, view)) {
      case Follow::leave: co_return fail(ErrorKind::conflict, "another instance fetches it");
      case Follow::open_at_rest:
        lease_.give_back();
        co_return fail(ErrorKind::conflict, "is at rest already");
      case Follow::fetch_and_keep: co_return co_await from_upstreams(MayKeep::yes);
      case Follow::fetch_only:
        log::warn("nothing came from the instance that downloads a NAR: fetching it once more",
                  {{"nar", job_.url.str()}, {"instance", holder_ ? holder_->note : ""}});
        co_return co_await from_upstreams(MayKeep::no);
      case Follow::read_store: {
        lease_.give_back();
        CO_TRY(bool all, co_await read(store_file(deps_.store, nar_key(job_.url), deps_.disk)));
        if (all) co_return MayKeep::no;
        store_fails_ = true;
        break;
      }
      case Follow::read_peer: {
        auto asked = *holder_;
        peer::PeerAt at{.url = asked.note, .fence = asked.fence};
        auto size = spool_.view().size;
        CO_TRY(bool all, co_await read(peer_file(*sharing.peers, at, job_.url)));
        if (all) co_return co_await inherit();
        if (spool_.view().size == size) gave_nothing_ = asked;
        break;
      }
      case Follow::wait:
        co_await given_back->wait_past(seen, Deadline::after(nap(sharing.follow, view)));
        gave_nothing_.reset();
        store_fails_ = false;
        break;
    }
  }
}

Task<MayKeep> Bringing::from_upstreams(MayKeep keep) {
  spool_.for_us_alone(keep == MayKeep::no);
  CO_TRY(co_await fetcher_.run(upstream_files(job_.sources), deps_.policy));
  co_return keep;
}

Task<MayKeep> Bringing::inherit() {
  auto asked = co_await ask_for_lease();
  if (!asked || !lease_.fence()) co_return MayKeep::no;
  CO_TRY(bool rests, co_await at_rest());
  if (rests) {
    lease_.give_back();
    co_return MayKeep::no;
  }
  spool_.for_us_alone(false);
  co_return MayKeep::yes;
}

Task<FollowView> Bringing::look() {
  bool begun = fetcher_.begun();
  bool first = !std::exchange(looked_, true);
  CO_TRY(co_await ask_for_lease());
  auto fence = lease_.fence();
  // Who had it before us may have stored it; where there are no others nobody had.
  bool alone = first && fence == 0U;
  bool rests = false;
  if (!alone && !store_fails_) {
    CO_TRY(rests, co_await at_rest());
  }
  auto silence = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - last_byte_);
  co_return FollowView{.ours = fence.has_value(),
                       .at_rest = rests,
                       .wanted = wanted_ == Wanted::by_client,
                       .begun = begun,
                       .peer = holder_ && may_read(*holder_),
                       .distrusted = job_.distrusts_peers,
                       .silence = silence};
}

Task<void> Bringing::ask_for_lease() {
  holder_.reset();
  if (lease_.fence()) co_return Result<void>();
  lease_.give_back();  // one that was lost
  const auto& sharing = *deps_.sharing;
  lock::Ask ask{.name = download_lease(job_.url),
                .note = own_address(sharing),
                .time_to_live = sharing.time_to_live,
                .stalls_after = sharing.stalls_after()};
  auto taken = co_await sharing.leases.try_take(std::move(ask), Deadline::after(kAskTime));
  if (!taken) {
    if (fetcher_.begun()) co_return Result<void>();  // clients read: as if another had it
    co_return std::unexpected(
        std::move(taken).error().while_doing("asking for the download's lease"));
  }
  if (auto* lease = std::get_if<std::unique_ptr<lock::Lease>>(&*taken)) {
    lease_.hold(std::move(*lease));
  } else {
    holder_ = std::move(std::get<lock::Holder>(*taken));
  }
  co_return Result<void>();
}

Task<bool> Bringing::at_rest() {
  auto found = co_await deps_.store.find(nar_key(job_.url));
  if (!found && !fetcher_.begun()) co_return std::unexpected(std::move(found).error());
  co_return found && *found;
}

// What is in our own name is a download that has just failed, and goes.
bool Bringing::may_read(const lock::Holder& holder) const {
  const auto& sharing = *deps_.sharing;
  return sharing.peers != nullptr && !holder.note.empty() && holder.note != own_address(sharing) &&
         !same(gave_nothing_, holder);
}

Task<bool> Bringing::read(const std::shared_ptr<FileSource>& source) {
  const auto& follow = deps_.sharing->follow;
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(last_byte_ + follow.patience -
                                                                    Clock::now());
  // One break, and we look around.
  FetchPolicy policy{.most_failures = 1,
                     .longest_silence = follow.patience,
                     .first_byte = std::clamp(left, std::chrono::milliseconds(1), kFirstByteTime)};
  log::debug("following a download", {{"nar", job_.url.str()}, {"from", source->name()}});
  auto size = spool_.view().size;
  auto done = co_await fetcher_.run({source}, policy);
  if (done) co_return true;
  if (spool_.view().size > size) last_byte_ = fetcher_.last_byte();
  auto kind = done.error().kind();
  bool ours = kind == ErrorKind::unavailable || kind == ErrorKind::internal;
  if (ours || spool_.view().state == SpoolState::failed)
    co_return std::unexpected(std::move(done).error());
  co_return false;
}

}  // namespace ncps::cache
