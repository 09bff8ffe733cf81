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

Task<void> Fetcher::run(FileSources sources, FetchPolicy policy) {
  sources_ = std::move(sources);
  policy_ = policy;
  at_ = 0;
  failures_ = 0;
  last_.reset();
  progress_ = Clock::now();
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
  bool may_travel_compressed = intake() == Intake::compressed && writer_.taken() == 0;
  return may_travel_compressed ? fetch::Decode::yes : fetch::Decode::no;
}

// Clients who have begun to read wait no longer than the policy's longest silence, give or take
// one attempt.
std::chrono::milliseconds Fetcher::open_time() const {
  if (!writer_.begun()) return policy_.first_byte;
  auto left = policy_.longest_silence - since(progress_);
  return std::clamp<std::chrono::milliseconds>(left, std::chrono::seconds(5), kFirstByteTime);
}

Task<upstream::FileBody> Fetcher::open_somewhere() {
  for (;;) {
    // Before the first byte a second round would only keep clients waiting.
    if (sources_.empty() || (!writer_.begun() && failures_ >= sources_.size())) {
      co_return std::unexpected(last_.value_or(Error(ErrorKind::not_found, "no upstream has it")));
    }
    CO_TRY(turn_to(source()));
    lease_.progress();
    auto deadline = Deadline::after(open_time());
    auto opened = co_await source().open(writer_.taken(), decode(), deadline);
    if (opened && *opened && fits(**opened)) {
      // What another instance or the store has, no upstream had to send once more.
      spool_.comes_from(source().edition().empty() ? source().name() : std::string());
      if (!writer_.begun()) {
        if (!source().edition().empty()) spool_.follows();
        CO_TRY(co_await begin(**opened));
      }
      co_return std::move(**opened);
    }
    if (!opened) {
      CO_TRY(co_await after_trouble(std::move(opened).error()));
      continue;
    }
    if (*opened) {
      last_ = Error(ErrorKind::corrupt, source().name() + ": has a file of another size");
    }
    drop_source();
  }
}

Result<void> Fetcher::turn_to(const FileSource& source) {
  if (edition_ == source.edition()) return {};
  edition_ = source.edition();
  // What an upstream compressed is the same everywhere.
  bool same_bytes = job_.intake == Intake::as_it_is;
  if (same_bytes && writer_.begun()) return {};
  total_.reset();
  if (same_bytes || edition_->empty()) total_ = job_.upstreams_size();
  if (!writer_.begun()) return {};
  return writer_.restart(intake(), total_);
}

bool Fetcher::fits(const upstream::FileBody& body) const {
  if (!body.total || !total_) return true;
  return *body.total == *total_;
}

Task<void> Fetcher::begin(const upstream::FileBody& body) {
  CO_TRY(auto blob, co_await deps_.store.stage(nar_key(job_.url)));
  if (!total_) total_ = body.total;
  CO_TRY(writer_.begin(std::move(blob), intake(), total_));
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
      co_return fail(ErrorKind::corrupt, source().name() + ": sent more bytes than announced");
    }
    CO_TRY(co_await writer_.append(bytes));
    if (spool_.view().state == SpoolState::failed)
      co_return Copied::broken;  // the verifier said so
    if (writer_.taken() - mark >= policy_.progress_bytes) {
      mark = writer_.taken();
      failures_ = 0;
    }
    progress_ = last_byte_ = Clock::now();
    lease_.progress();
  }
  bool short_of_total = total_ && writer_.taken() < *total_;
  co_return short_of_total || skip > 0 ? Copied::broken : Copied::all;
}

Task<void> Fetcher::after_trouble(Error error) {
  if (spool_.view().state == SpoolState::failed) co_return std::unexpected(std::move(error));
  FetchTrouble trouble{.begun = writer_.begun(),
                       .failures = ++failures_,
                       .sources = sources_.size(),
                       .silence = since(progress_)};
  auto step = next_step(policy_, trouble);
  log::warn(step.go_on ? "a download broke, going on" : "a download broke, giving up",
            {{"nar", job_.url.str()},
             {"upstream", source().name()},
             {"error", error.what()},
             {"bytes", writer_.taken()},
             {"failures", failures_}});
  if (!step.go_on) co_return std::unexpected(std::move(error));
  last_ = std::move(error);
  if (step.next_source) at_ = (at_ + 1) % sources_.size();
  if (step.delay.count() > 0) co_await sleep_for(step.delay);
  co_return Result<void>();
}

void Fetcher::drop_source() {
  sources_.erase(sources_.begin() + static_cast<std::ptrdiff_t>(at_));
  if (at_ >= sources_.size()) at_ = 0;
}

}  // namespace ncps::cache
