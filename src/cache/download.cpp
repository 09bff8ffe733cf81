#include "cache/download.h"

#include <chrono>

#include "cache/bringing.h"
#include "cache/feed.h"
#include "cache/nar_check.h"
#include "cache/nar_info_rendering.h"
#include "cache/nar_layout.h"
#include "cache/room.h"
#include "cache/verification.h"
#include "rt/task_group.h"
#include "telemetry/log.h"

namespace ncps::cache {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

std::chrono::milliseconds since(Clock::time_point then) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - then);
}

// Follows the spool to its end. Errors: corrupt, or what failed the spool.
Task<void> verify(DownloadDeps& deps, const NarExpectation& expected, std::shared_ptr<Spool> spool,
                  HeldLease& lease) {
  CO_TRY(auto verifier, NarVerifier::make(expected));
  CO_TRY(co_await spool->started(Deadline::never()));
  auto source = Spool::read(spool, 0, {}, Tail::open);
  auto sink = [&](std::string_view bytes) -> Result<std::size_t> {
    // A backlog may be gigabytes, and nobody wants it any more.
    if (spool->view().state == SpoolState::failed)
      return fail(ErrorKind::unavailable, "the download has failed meanwhile");
    lease.progress();
    return verifier.feed_some(bytes);
  };
  CO_TRY(co_await feed_in_turns(*source, deps.cpu, Deadline::never(), sink));
  auto work = [&] { return verifier.finish(); };
  CO_TRY(co_await offload(deps.cpu, std::move(work)));
  co_return Result<void>();
}

// Other instances wait for the lease of what is wrong no longer than we know: our own fetching may notice late,
// where the upstream has gone silent.
Task<void> verify_or_drop(DownloadDeps& deps, const NarExpectation& expected,
                          std::shared_ptr<Spool> spool, HeldLease& lease) {
  auto verified = co_await verify(deps, expected, spool, lease);
  if (!verified) {
    spool->fail(verified.error());  // first: what only lost its lease would be fetched on
    lease.drop();
  }
  co_return verified;
}

// What is there may have to get to the disk, or, in parts, to a bucket that is slower than the
// upstream: no step of that is seen here.
constexpr std::chrono::minutes kPublishing{30};

// How far it got: whether the catalog knows of what the store has.
enum class Kept : std::uint8_t { not_by_us, untold, told };

// Whether what is right now may be published, by us. Where the database cannot say, the lease alone
// does: the bytes are right in any case.
boost::asio::awaitable<bool> may_publish(DownloadDeps& deps, const nix::NarUrl& url,
                                         const HeldLease& lease) {
  if (deps.sharing == nullptr) co_return true;
  auto fence = lease.fence();
  if (!fence) co_return false;
  auto claimed = co_await deps.catalog.claim(url, *fence);
  co_return (!claimed || *claimed) && lease.fence() == fence;
}

Task<Kept> keep(DownloadDeps& deps, const nix::NarUrl& url, Spool& spool, HeldLease& lease) {
  auto size = spool.view().size;
  lease.progress();
  if (deps.space != nullptr) CO_TRY(co_await deps.space->reserve(size));
  lease.progress();
  // A client may have sent it meanwhile, in another packing: what is announced stays what it is.
  auto key = nar_key(url);
  auto at_rest = co_await deps.store.find(key);
  bool wanted = at_rest && !*at_rest && spool.is_kept();
  if (deps.space != nullptr && !wanted) deps.space->give_back(size);
  CO_TRY(auto there, std::move(at_rest));
  if (there) co_return Kept::told;
  if (!wanted) {
    deps.probe.removed();
    co_return fail(ErrorKind::conflict, "was removed while it was on its way");
  }
  auto fence = lease.fence().value_or(0);
  if (!co_await may_publish(deps, url, lease)) {
    if (deps.space != nullptr) deps.space->give_back(size);
    log::warn("a NAR is not stored: the lease of its download was lost meanwhile",
              {{"nar", url.str()}, {"bytes", size}});
    co_return Kept::not_by_us;
  }
  lease.progress(kPublishing);
  CO_TRY(co_await publish_reserved(spool.blob(), size, deps.space));
  auto told = co_await deps.catalog.mark_stored(url, size, fence);
  if (deps.space != nullptr) deps.space->keep(size);  // not before a count would find its row
  if (told) co_return Kept::told;
  log::error("a stored NAR could not be noted in the database, which is tried again later",
             {{"nar", url.str()}, {"error", told.error().what()}});
  co_return Kept::untold;
}

Task<Kept> fetch_verify_keep(DownloadDeps& deps, DownloadJob& job, std::shared_ptr<Spool> spool,
                             HeldLease& lease, Wanted wanted, TaskGroup& beside) {
  auto key = nar_key(job.url);
  CO_TRY(auto at_rest, co_await deps.store.find(key));
  if (at_rest) {
    // Whoever stored it, when it was verified, may not have come to tell. Where it is noted, this is
    // no use of it, and nothing of it was read.
    auto row = co_await deps.catalog.find_nar(job.url);
    bool noted = row && *row && (*row)->stored_size;
    auto told = noted ? Result<void>() : co_await deps.catalog.mark_stored(job.url, *at_rest);
    co_return fail(ErrorKind::conflict,
                   told ? "is at rest already" : "is at rest already, and the catalog is not told");
  }

  auto verification = std::make_shared<Verification>();
  auto executor = co_await asio::this_coro::executor;
  Verification::Check check = [&] { return verify_or_drop(deps, job.expected, spool, lease); };
  beside.spawn(executor, "verify", Verification::run(verification, std::move(check), spool));
  Bringing bringing(deps, job, *spool, lease, wanted);
  auto began = Clock::now();
  auto fetched = co_await bringing.run();
  if (fetched && !spool->comes_from().empty())
    deps.probe.seconds.observe(std::chrono::duration<double>(Clock::now() - began).count());
  if (fetched) spool->all_arrived();
  if (!fetched) spool->fail(fetched.error());  // wakes the verifier
  CO_TRY(co_await verification->outcome());
  CO_TRY(auto may_keep, std::move(fetched));
  CO_TRY(spool->complete());  // clients have all of it, whether or not it can be kept
  if (may_keep == MayKeep::no) co_return Kept::not_by_us;
  co_return co_await keep(deps, job.url, *spool, lease);
}

}  // namespace

DownloadJob job_for(const db::NarRow& row, const upstream::UpstreamList& upstreams) {
  DownloadJob job{.url = row.url, .expected = expected_of(row), .sources = {}};
  if (compressed_by_us(row.compression, row.nar_hash, row.url)) job.intake = Intake::compressed;
  bool absolute = row.upstream_url.find("://") != std::string::npos;
  auto to_ask = upstream::good_first(upstreams, row.upstream);
  for (const auto& upstream : to_ask) {
    if (!absolute || upstream->name() == row.upstream)
      job.sources.push_back({upstream, row.upstream_url});
  }
  // Its own upstream is not configured any more: anybody can fetch an absolute URL.
  if (absolute && job.sources.empty() && !to_ask.empty())
    job.sources.push_back({to_ask.front(), row.upstream_url});
  return job;
}

Result<DownloadJob> job_for_unknown(const nix::NarUrl& url,
                                    const upstream::UpstreamList& upstreams) {
  auto hash = url.hash_in_name();
  if (!hash) return fail(ErrorKind::not_found, "never announced here, and its name is no hash");
  DownloadJob job{.url = url,
                  .expected = {.compression = url.likely_compression(), .either_hash = hash},
                  .sources = {}};
  for (const auto& upstream : upstream::good_first(upstreams))
    job.sources.push_back({upstream, url.str()});
  return job;
}

asio::awaitable<std::optional<Untold>> run_download(DownloadDeps deps, DownloadJob job,
                                                    std::shared_ptr<Spool> spool,
                                                    std::shared_ptr<HeldLease> lease,
                                                    Wanted wanted) {
  auto started = Clock::now();
  TaskGroup beside;
  Result<Kept> done = fail(ErrorKind::internal, "the download ended without a result");
  try {
    done = co_await fetch_verify_keep(deps, job, spool, *lease, wanted, beside);
  } catch (const std::exception& e) {  // a bug: nobody may wait for ever because of it
    done = fail(ErrorKind::internal, e.what());
  }
  if (!done) spool->fail(done.error());
  co_await beside.join(Deadline::never());
  auto view = spool->view();
  if (done && *done == Kept::not_by_us) {
    lease->dropped() ? deps.probe.removed() : deps.probe.passed_on();
  } else {
    deps.probe.ended(done ? nullptr : &done.error());
  }
  if (view.fd != -1) deps.probe.clients.observe(static_cast<double>(spool->clients_ever()));
  if (done && deps.counts != nullptr && !spool->comes_from().empty())
    deps.counts->fetched(spool->comes_from(), view.size);
  if (done) {
    log::info(*done == Kept::not_by_us ? "NAR passed on" : "NAR stored",
              {{"nar", job.url.str()},
               {"bytes", view.size},
               {"elapsed", static_cast<double>(since(started).count()) / 1000},
               {"upstream", spool->comes_from()},
               {"clients", spool->clients_ever()}});
  } else if (done.error().no_space() && deps.space != nullptr) {
    deps.space->complain(done.error());
  } else if (done.error().kind() != ErrorKind::conflict &&
             done.error().kind() != ErrorKind::not_found) {
    log::error("NAR not stored", {{"nar", job.url.str()},
                                  {"bytes", view.size},
                                  {"elapsed", static_cast<double>(since(started).count()) / 1000},
                                  {"upstream", spool->comes_from()},
                                  {"clients", spool->clients_ever()},
                                  {"error", done.error().what()}});
  }
  if (!done || *done != Kept::untold) co_return std::nullopt;
  co_return Untold{.size = view.size, .fence = lease->fence().value_or(0)};
}

}  // namespace ncps::cache
