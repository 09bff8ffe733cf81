#include "cache/download.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "base/posix_error.h"
#include "cache/nar_layout.h"
#include "rt/task_group.h"
#include "telemetry/log.h"

namespace ncps::cache {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr auto kFirstByteTime =
    std::chrono::milliseconds(20'000);  // of an answer, retries included

std::chrono::milliseconds since(Clock::time_point then) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - then);
}

// Fetching: puts the bytes of a file into the spool, in order, each once.
class Fetcher {
 public:
  Fetcher(DownloadDeps& deps, DownloadJob& job, Spool& spool)
      : deps_(deps), job_(job), spool_(spool) {}

  // Returns once all bytes have arrived. Errors: as run_download.
  Task<void> run() {
    for (;;) {
      CO_TRY(auto body, co_await open_somewhere());
      auto copied = co_await copy(body);
      if (copied && *copied == Copied::all) co_return Result<void>();
      // What is unavailable is ours, the disk: no other source helps.
      if (!copied &&
          (!copied.error().retryable() || copied.error().kind() == ErrorKind::unavailable))
        co_return std::unexpected(std::move(copied).error());
      auto error =
          copied ? Error(ErrorKind::upstream, "the body ended early") : std::move(copied).error();
      CO_TRY(co_await after_trouble(std::move(error)));
    }
  }

 private:
  enum class Copied : bool { all, broken };

  NarSource& source() { return job_.sources[at_]; }
  // Clients who have begun to read wait no longer than the policy's longest silence, give or take
  // one attempt.
  std::chrono::milliseconds open_time() const {
    if (!begun_) return kFirstByteTime;
    auto left = deps_.policy.longest_silence - since(progress_);
    return std::clamp<std::chrono::milliseconds>(left, std::chrono::seconds(5), kFirstByteTime);
  }

  std::uint64_t size() { return begun_ ? spool_.file().size() : 0; }

  // The next body that fits what we have. Errors: when nobody is left to ask.
  Task<upstream::FileBody> open_somewhere() {
    for (;;) {
      // Before the first byte a second round would only keep clients waiting.
      if (job_.sources.empty() || (!begun_ && failures_ >= job_.sources.size())) {
        co_return std::unexpected(
            last_.value_or(Error(ErrorKind::not_found, "no upstream has it")));
      }
      auto deadline = Deadline::after(open_time());
      auto opened = co_await source().upstream->open_file(source().url, size(),
                                                          upstream::Decode::no, deadline);
      if (opened && *opened && fits(**opened)) {
        if (!begun_) CO_TRY(co_await begin(**opened));
        co_return std::move(**opened);
      }
      if (!opened) {
        CO_TRY(co_await after_trouble(std::move(opened).error()));
        continue;
      }
      if (*opened) {
        last_ =
            Error(ErrorKind::corrupt, source().upstream->name() + ": has a file of another size");
      }
      drop_source();
    }
  }

  bool fits(const upstream::FileBody& body) const {
    if (!body.total || !total_) return true;
    return *body.total == *total_;
  }

  Task<void> begin(const upstream::FileBody& body) {
    CO_TRY(auto file, co_await deps_.store.spool());
    if (!total_) total_ = body.total;
    spool_.begin(std::move(file), total_);
    begun_ = true;
    progress_ = Clock::now();
    co_return Result<void>();
  }

  // Errors: retryable ones mean that this body broke; others end the download.
  Task<Copied> copy(upstream::FileBody& body) {
    auto skip = size() - body.first_byte;  // an upstream without ranges begins at 0 again
    auto mark = size();
    for (;;) {
      auto piece = co_await body.bytes->next();
      if (!piece && total_ && size() == *total_) break;  // broke behind the last byte
      if (!piece) co_return std::unexpected(std::move(piece).error());
      auto bytes = std::get<std::string_view>(*piece);
      if (bytes.empty()) break;
      auto skipped = std::min<std::uint64_t>(skip, bytes.size());
      skip -= skipped;
      bytes.remove_prefix(skipped);
      if (total_ && bytes.size() > *total_ - size()) {
        co_return fail(ErrorKind::corrupt,
                       source().upstream->name() + ": sent more bytes than announced");
      }
      auto work = [&] { return spool_.file().append(bytes); };
      CO_TRY(co_await offload(deps_.disk, std::move(work)));
      spool_.grown();
      if (spool_.view().state == SpoolState::failed)
        co_return Copied::broken;  // the verifier said so
      if (size() - mark >= deps_.policy.progress_bytes) {
        mark = size();
        failures_ = 0;
      }
      progress_ = Clock::now();
    }
    bool short_of_total = total_ && size() < *total_;
    co_return short_of_total || skip > 0 ? Copied::broken : Copied::all;
  }

  // Decides and waits. Errors: `error`, if that is the end.
  Task<void> after_trouble(Error error) {
    if (spool_.view().state == SpoolState::failed) co_return std::unexpected(std::move(error));
    FetchTrouble trouble{.begun = begun_,
                         .failures = ++failures_,
                         .sources = job_.sources.size(),
                         .silence = since(progress_)};
    auto step = next_step(deps_.policy, trouble);
    log::warn(step.go_on ? "a download broke, going on" : "a download broke, giving up",
              {{"nar", job_.url.str()},
               {"upstream", source().upstream->name()},
               {"error", error.what()},
               {"bytes", size()},
               {"failures", failures_}});
    if (!step.go_on) co_return std::unexpected(std::move(error));
    last_ = std::move(error);
    if (step.next_source) at_ = (at_ + 1) % job_.sources.size();
    if (step.delay.count() > 0) co_await sleep_for(step.delay);
    co_return Result<void>();
  }

  void drop_source() {
    job_.sources.erase(job_.sources.begin() + static_cast<std::ptrdiff_t>(at_));
    if (at_ >= job_.sources.size()) at_ = 0;
  }

  DownloadDeps& deps_;
  DownloadJob& job_;
  Spool& spool_;
  std::size_t at_ = 0;
  bool begun_ = false;
  unsigned failures_ = 0;
  std::optional<std::uint64_t> total_ = job_.expected.file_size;
  std::optional<Error> last_;  // what kept a source from answering; not_found only if none failed
  Clock::time_point progress_ = Clock::now();
};

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
  CO_TRY(co_await deps.store.publish(spool->file(), key));
  co_return co_await deps.catalog.mark_stored(job.url, spool->view().size);
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
