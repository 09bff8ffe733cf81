#include "cache/download.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "base/posix_error.h"
#include "cache/fetcher.h"
#include "cache/nar_info_rendering.h"
#include "cache/nar_layout.h"
#include "rt/task_group.h"
#include "telemetry/log.h"

namespace ncps::cache {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

std::chrono::milliseconds since(Clock::time_point then) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - then);
}

// Feeds one stretch of the spool's file to the verifier.
Result<void> feed_span(NarVerifier& verifier, FileSpan span) {
  static thread_local std::array<char, 256 * 1024> buffer;
  while (span.length > 0) {
    auto wanted = std::min<std::uint64_t>(span.length, buffer.size());
    auto n = ::pread(span.fd, buffer.data(), wanted, static_cast<off_t>(span.offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return std::unexpected(posix_error("reading back", "the spool", n == 0 ? EIO : errno));
    TRY(verifier.feed({buffer.data(), static_cast<std::size_t>(n)}));
    span.offset += static_cast<std::uint64_t>(n);
    span.length -= static_cast<std::uint64_t>(n);
  }
  return {};
}

// Follows the spool to its end. Errors: corrupt, or what failed the spool.
Task<void> verify(DownloadDeps& deps, const NarExpectation& expected,
                  std::shared_ptr<Spool> spool) {
  constexpr std::uint64_t kStretch = 1 << 20;  // between two turns of the pool: others wait, too
  CO_TRY(auto verifier, NarVerifier::make(expected));
  CO_TRY(co_await spool->started(Deadline::never()));
  auto source = Spool::read(spool, 0, {}, Tail::open);
  for (;;) {
    CO_TRY(auto piece, co_await source->next());
    if (piece_size(piece) == 0) break;
    auto rest = std::get<FileSpan>(piece);
    while (rest.length > 0) {
      FileSpan part{rest.fd, rest.offset, std::min(rest.length, kStretch)};
      auto work = [&] { return feed_span(verifier, part); };
      CO_TRY(co_await offload(deps.cpu, std::move(work)));
      rest.offset += part.length;
      rest.length -= part.length;
    }
  }
  auto work = [&] { return verifier.finish(); };
  co_return co_await offload(deps.cpu, std::move(work));
}

// Runs beside the fetching. A wrong byte fails the spool at once, and so ends the fetching.
struct Verification {
  Guarded<std::optional<Result<void>>> result;
  Signal done;
};

asio::awaitable<void> verify_beside(DownloadDeps deps, NarExpectation expected,
                                    std::shared_ptr<Spool> spool,
                                    std::shared_ptr<Verification> out) {
  auto result = co_await verify(deps, expected, spool);
  if (!result) spool->fail(result.error());
  out->result.with([&](auto& slot) { slot.emplace(std::move(result)); });
  out->done.notify();
}

Task<void> publish(DownloadDeps& deps, Spool& spool) {
  auto published = co_await spool.blob().publish();
  // What it wants besides its bytes, which are written already: a folder, and its entry.
  constexpr std::uint64_t kFolder = 64 * 1024;
  if (published || !published.error().no_space() || deps.space == nullptr)
    co_return std::move(published);
  CO_TRY(bool room, co_await deps.space->make_room(kFolder));
  if (!room) co_return std::move(published);
  co_return co_await spool.blob().publish();
}

Task<void> keep(DownloadDeps& deps, const nix::NarUrl& url, Spool& spool) {
  auto size = spool.view().size;
  if (deps.space != nullptr) CO_TRY(co_await deps.space->reserve(size));
  auto kept = co_await publish(deps, spool);
  if (kept) kept = co_await deps.catalog.mark_stored(url, size);
  if (deps.space != nullptr && kept) deps.space->keep(size);
  if (deps.space != nullptr && !kept) deps.space->give_back(size);
  co_return std::move(kept);
}

Task<void> fetch_verify_keep(DownloadDeps& deps, DownloadJob& job, std::shared_ptr<Spool> spool,
                             TaskGroup& beside) {
  auto key = nar_key(job.url);
  CO_TRY(auto at_rest, co_await deps.store.open(key));
  if (at_rest) co_return fail(ErrorKind::conflict, "is at rest already");

  auto verification = std::make_shared<Verification>();
  auto executor = co_await asio::this_coro::executor;
  beside.spawn(executor, "verify", verify_beside(deps, job.expected, spool, verification));
  Fetcher fetcher(deps, job, *spool);
  auto fetched = co_await fetcher.run();
  if (fetched) spool->all_arrived();
  if (!fetched) spool->fail(fetched.error());  // wakes the verifier

  for (;;) {
    auto seen = verification->done.version();
    auto result = verification->result.with([](auto& slot) { return slot; });
    if (result && !*result) co_return std::unexpected(std::move(*result).error());
    if (!fetched && result) co_return std::unexpected(std::move(fetched).error());
    if (result) break;
    co_await verification->done.wait_past(seen, Deadline::never());
  }
  spool->complete();  // clients have all of it, whether or not it can be kept
  co_return co_await keep(deps, job.url, *spool);
}

}  // namespace

DownloadJob job_for(const db::NarRow& row, const upstream::UpstreamList& upstreams) {
  DownloadJob job{.url = row.url,
                  .expected = {.compression = row.compression,
                               .file_hash = row.file_hash,
                               .file_size = row.file_size,
                               .nar_hash = row.nar_hash,
                               .nar_size = row.nar_size,
                               .either_hash = {}},
                  .sources = {}};
  if (compressed_by_us(row.compression, row.nar_hash, row.url)) {
    job.intake = Intake::compressed;
    job.expected.compression = nix::Compression::zstd;
    job.expected.file_hash.reset();
    job.expected.file_size.reset();
  }
  bool absolute = row.upstream_url.find("://") != std::string::npos;
  for (const auto& upstream : upstream::in_order(upstreams)) {
    NarSource source{upstream, row.upstream_url};
    if (upstream->name() == row.upstream) {
      job.sources.insert(job.sources.begin(), std::move(source));
    } else if (!absolute) {
      job.sources.push_back(std::move(source));
    }
  }
  // Its own upstream is not configured any more: anybody can fetch an absolute URL.
  if (job.sources.empty() && !upstreams.empty())
    job.sources.push_back({upstreams.front(), row.upstream_url});
  return job;
}

Result<DownloadJob> job_for_unknown(const nix::NarUrl& url,
                                    const upstream::UpstreamList& upstreams) {
  auto hash = url.hash_in_name();
  if (!hash) return fail(ErrorKind::not_found, "never announced here, and its name is no hash");
  DownloadJob job{.url = url,
                  .expected = {.compression = url.likely_compression(), .either_hash = hash},
                  .sources = {}};
  for (const auto& upstream : upstream::in_order(upstreams))
    job.sources.push_back({upstream, url.str()});
  return job;
}

asio::awaitable<void> run_download(DownloadDeps deps, DownloadJob job,
                                   std::shared_ptr<Spool> spool) {
  auto started = Clock::now();
  TaskGroup beside;
  Result<void> done = fail(ErrorKind::internal, "the download ended without a result");
  try {
    done = co_await fetch_verify_keep(deps, job, spool, beside);
  } catch (const std::exception& e) {  // a bug: nobody may wait for ever because of it
    done = fail(ErrorKind::internal, e.what());
  }
  if (!done) spool->fail(done.error());
  co_await beside.join(Deadline::never());
  auto view = spool->view();
  if (done) {
    log::info("NAR stored", {{"nar", job.url.str()},
                             {"bytes", view.size},
                             {"elapsed", static_cast<double>(since(started).count()) / 1000}});
  } else if (done.error().no_space() && deps.space != nullptr) {
    deps.space->complain(done.error());
  } else if (done.error().kind() != ErrorKind::conflict &&
             done.error().kind() != ErrorKind::not_found) {
    log::error("NAR not stored",
               {{"nar", job.url.str()}, {"bytes", view.size}, {"error", done.error().what()}});
  }
}

}  // namespace ncps::cache
