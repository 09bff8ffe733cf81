#include "cache/fetcher.h"

#include <algorithm>

#include "cache/nar_layout.h"
#include "telemetry/log.h"

namespace ncps::cache {
namespace {

std::chrono::milliseconds since(std::chrono::steady_clock::time_point then) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               then);
}

}  // namespace

Task<void> Fetcher::run() {
  for (;;) {
    CO_TRY(auto body, co_await open_somewhere());
    auto copied = co_await copy(body);
    if (copied && *copied == Copied::all) co_return co_await writer_.finish();
    // What is unavailable is ours, the disk: no other source helps.
    if (!copied && (!copied.error().retryable() || copied.error().kind() == ErrorKind::unavailable))
      co_return std::unexpected(std::move(copied).error());
    auto error =
        copied ? Error(ErrorKind::upstream, "the body ended early") : std::move(copied).error();
    CO_TRY(co_await after_trouble(std::move(error)));
  }
}

// The NAR itself may travel compressed, a file that is compressed anyway is asked for as it is. And
// so is what follows a break: a range of an encoding would have other positions, and could not be
// undone.
fetch::Decode Fetcher::decode() const {
  bool may_travel_compressed = job_.intake == Intake::compressed && writer_.taken() == 0;
  return may_travel_compressed ? fetch::Decode::yes : fetch::Decode::no;
}

// Clients who have begun to read wait no longer than the policy's longest silence, give or take
// one attempt.
std::chrono::milliseconds Fetcher::open_time() const {
  if (!writer_.begun()) return kFirstByteTime;
  auto left = deps_.policy.longest_silence - since(progress_);
  return std::clamp<std::chrono::milliseconds>(left, std::chrono::seconds(5), kFirstByteTime);
}

Task<upstream::FileBody> Fetcher::open_somewhere() {
  for (;;) {
    // Before the first byte a second round would only keep clients waiting.
    if (job_.sources.empty() || (!writer_.begun() && failures_ >= job_.sources.size())) {
      co_return std::unexpected(last_.value_or(Error(ErrorKind::not_found, "no upstream has it")));
    }
    auto deadline = Deadline::after(open_time());
    auto opened =
        co_await source().upstream->open_file(source().url, writer_.taken(), decode(), deadline);
    if (opened && *opened && fits(**opened)) {
      spool_.comes_from(source().upstream->name());
      if (!writer_.begun()) CO_TRY(co_await begin(**opened));
      co_return std::move(**opened);
    }
    if (!opened) {
      CO_TRY(co_await after_trouble(std::move(opened).error()));
      continue;
    }
    if (*opened) {
      last_ = Error(ErrorKind::corrupt, source().upstream->name() + ": has a file of another size");
    }
    drop_source();
  }
}

bool Fetcher::fits(const upstream::FileBody& body) const {
  if (!body.total || !total_) return true;
  return *body.total == *total_;
}

Task<void> Fetcher::begin(const upstream::FileBody& body) {
  CO_TRY(auto blob, co_await deps_.store.stage(nar_key(job_.url)));
  if (!total_) total_ = body.total;
  CO_TRY(writer_.begin(std::move(blob), total_));
  progress_ = Clock::now();
  co_return Result<void>();
}

Task<Fetcher::Copied> Fetcher::copy(upstream::FileBody& body) {
  auto skip = writer_.taken() - body.first_byte;  // an upstream without ranges begins at 0 again
  auto mark = writer_.taken();
  for (;;) {
    auto piece = co_await body.bytes->next();
    if (!piece && total_ && writer_.taken() == *total_) break;  // broke behind the last byte
    if (!piece) co_return std::unexpected(std::move(piece).error());
    auto bytes = std::get<std::string_view>(*piece);
    if (bytes.empty()) break;
    auto skipped = std::min<std::uint64_t>(skip, bytes.size());
    skip -= skipped;
    bytes.remove_prefix(skipped);
    if (total_ && bytes.size() > *total_ - writer_.taken()) {
      co_return fail(ErrorKind::corrupt,
                     source().upstream->name() + ": sent more bytes than announced");
    }
    CO_TRY(co_await writer_.append(bytes));
    if (spool_.view().state == SpoolState::failed)
      co_return Copied::broken;  // the verifier said so
    if (writer_.taken() - mark >= deps_.policy.progress_bytes) {
      mark = writer_.taken();
      failures_ = 0;
    }
    progress_ = Clock::now();
  }
  bool short_of_total = total_ && writer_.taken() < *total_;
  co_return short_of_total || skip > 0 ? Copied::broken : Copied::all;
}

Task<void> Fetcher::after_trouble(Error error) {
  if (spool_.view().state == SpoolState::failed) co_return std::unexpected(std::move(error));
  FetchTrouble trouble{.begun = writer_.begun(),
                       .failures = ++failures_,
                       .sources = job_.sources.size(),
                       .silence = since(progress_)};
  auto step = next_step(deps_.policy, trouble);
  log::warn(step.go_on ? "a download broke, going on" : "a download broke, giving up",
            {{"nar", job_.url.str()},
             {"upstream", source().upstream->name()},
             {"error", error.what()},
             {"bytes", writer_.taken()},
             {"failures", failures_}});
  if (!step.go_on) co_return std::unexpected(std::move(error));
  last_ = std::move(error);
  if (step.next_source) at_ = (at_ + 1) % job_.sources.size();
  if (step.delay.count() > 0) co_await sleep_for(step.delay);
  co_return Result<void>();
}

void Fetcher::drop_source() {
  job_.sources.erase(job_.sources.begin() + static_cast<std::ptrdiff_t>(at_));
  if (at_ >= job_.sources.size()) at_ = 0;
}

}  // namespace ncps::cache
