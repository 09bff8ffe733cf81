#include "cache/download.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "base/posix_error.h"
#include "cache/fetcher.h"
#include "cache/nar_check.h"
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
  CO_TRY(co_await offload(deps.cpu, std::move(work)));
  co_return Result<void>();
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
  spool->complete();
  CO_TRY(co_await spool->blob().publish());
  co_return co_await deps.catalog.mark_stored(job.url, spool->view().size);
}

}  // namespace

DownloadJob job_for(const db::NarRow& row, const upstream::UpstreamList& upstreams) {
  DownloadJob job{.url = row.url, .expected = expected_of(row), .sources = {}};
  if (compressed_by_us(row.compression, row.nar_hash, row.url)) job.intake = Intake::compressed;
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
  } else if (done.error().kind() != ErrorKind::conflict &&
             done.error().kind() != ErrorKind::not_found) {
    log::error("NAR not stored",
               {{"nar", job.url.str()}, {"bytes", view.size}, {"error", done.error().what()}});
  }
}

}  // namespace ncps::cache
