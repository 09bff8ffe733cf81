#include "cache/spool.h"

#include <algorithm>

#include "base/check.h"

namespace ncps::cache {
namespace {

// The downloader ends every stall long before, and verifying takes minutes at the most: a reader
// that waits longer has found a bug.
constexpr auto kLongestWait = std::chrono::hours(1);

}  // namespace

std::uint64_t readable(const Spool::View& view, Tail tail) noexcept {
  if (tail == Tail::open || view.state == SpoolState::complete) return view.size;
  auto end = view.total ? std::max(*view.total, view.size) : view.size;
  auto limit = end > Spool::kHeldBack ? end - Spool::kHeldBack : 0;
  return std::min(view.size, limit);
}

Spool::View Spool::view() const {
  return state_.with([](const State& s) { return s.view; });
}

Spool::Client Spool::client(std::shared_ptr<Spool> spool) {
  ++spool->clients_now_;
  ++spool->clients_ever_;
  auto* raw = spool.get();
  return {raw, [spool = std::move(spool)](const void*) { --spool->clients_now_; }};
}

std::string Spool::comes_from() const {
  return comes_from_.with([](const std::string& name) { return name; });
}

void Spool::comes_from(std::string upstream) {
  comes_from_.with([&](std::string& name) { name = std::move(upstream); });
}

void Spool::leaves_queue() {
  state_.with([](State& s) { s.view.queued = false; });
}

void Spool::begin(std::unique_ptr<storage::StagedBlob> blob, std::optional<std::uint64_t> total) {
  CHECK(!blob_);
  blob_ = std::move(blob);
  state_.with([&](State& s) {
    if (!s.error) s.view.state = SpoolState::growing;  // what failed stays failed
    s.view.queued = false;
    s.view.total = total;
    s.view.fd = blob_->file().fd();
  });
  changed_.notify();
}

void Spool::follows() {
  state_.with([](State& s) { s.view.follows = true; });
}

void Spool::for_us_alone(bool alone) {
  alone_ = alone;
  if (!alone && blob_) blob_->grown();
}

storage::StagedBlob& Spool::blob() {
  CHECK(blob_);
  return *blob_;
}

void Spool::grown() {
  state_.with([&](State& s) { s.view.size = blob_->file().size(); });
  if (!alone_) blob_->grown();
  changed_.notify();
}

void Spool::all_arrived() {
  state_.with([&](State& s) {
    if (!s.error) s.view.state = SpoolState::arrived;
    s.view.total = s.view.size;
  });
  changed_.notify();
}

Result<void> Spool::complete() {
  auto done = state_.with([&](State& s) -> Result<void> {
    if (s.error) return std::unexpected(*s.error);  // cut off by a stop, from another thread
    CHECK(s.view.state == SpoolState::arrived);
    s.view.state = SpoolState::complete;
    return {};
  });
  changed_.notify();
  return done;
}

void Spool::fail(Error error) {
  state_.with([&](State& s) {
    if (s.view.state == SpoolState::complete || s.error) return;
    s.view.state = SpoolState::failed;
    s.view.failure = error.kind();
    s.error = std::move(error);
  });
  changed_.notify();
}

bool Spool::settle(State::Fate fate) {
  return state_.with([&](State& s) {
    if (s.fate == State::Fate::open) s.fate = fate;
    return s.fate == fate;
  });
}

bool Spool::is_kept() {
  return settle(State::Fate::kept);
}

bool Spool::discard() {
  return settle(State::Fate::discarded);
}

Task<Spool::View> Spool::started(Deadline deadline) {
  return wait_until([](const View& v) { return v.state != SpoolState::waiting; }, deadline);
}

Task<Spool::View> Spool::sized(Deadline deadline) {
  return wait_until([](const View& v) { return v.total.has_value(); }, deadline);
}

// Whose fault it is: somebody will look there.
Error Spool::too_late(const View& view) {
  if (view.queued)
    return Error(ErrorKind::unavailable,
                 "it waits for its turn: too many downloads run already, or this NAR is just being "
                 "removed or sent");
  if (view.state == SpoolState::waiting)
    return Error(ErrorKind::timeout, "the upstream has not answered in time");
  return Error(ErrorKind::timeout, "its length is not known in time, it is still coming");
}

Task<Spool::View> Spool::wait_until(bool (*good)(const View&), Deadline deadline) {
  for (;;) {
    auto seen = changed_.version();
    auto state = state_.with([](const State& s) { return s; });
    if (state.error) co_return std::unexpected(std::move(*state.error));
    if (good(state.view)) co_return state.view;
    bool changed = co_await changed_.wait_past(seen, deadline);
    if (!changed) co_return std::unexpected(too_late(view()));
  }
}

class SpoolReader final : public ByteSource {
 public:
  SpoolReader(std::shared_ptr<Spool> spool, std::uint64_t first,
              std::optional<std::uint64_t> length, Tail tail, Spool::Client client)
      : spool_(std::move(spool)), client_(std::move(client)), next_(first), tail_(tail) {
    if (length) end_ = first + *length;
  }

  Task<Piece> next() override {
    for (;;) {
      auto seen = spool_->changed_.version();
      auto state = spool_->state_.with([](const Spool::State& s) { return s; });
      if (state.error) co_return std::unexpected(std::move(*state.error));
      auto limit = std::min(readable(state.view, tail_), end_.value_or(state.view.size));
      if (limit > next_) {
        FileSpan span{state.view.fd, next_, limit - next_};
        next_ = limit;
        co_return Piece(span);
      }
      if (over(state.view)) co_return Piece(std::string_view());
      bool changed = co_await spool_->changed_.wait_past(seen, Deadline::after(kLongestWait));
      if (!changed) co_return fail(ErrorKind::timeout, "the download has not moved for an hour");
    }
  }

 private:
  // The end says that the bytes are right: also for a range it waits until the whole file is.
  bool over(const Spool::View& view) const {
    if (view.state == SpoolState::complete) return true;
    bool all_read = view.state == SpoolState::arrived || (end_ && next_ >= *end_);
    return tail_ == Tail::open && all_read;
  }

  std::shared_ptr<Spool> spool_;
  Spool::Client client_;
  std::uint64_t next_;
  std::optional<std::uint64_t> end_;
  Tail tail_;
};

std::unique_ptr<ByteSource> Spool::read(std::shared_ptr<Spool> spool, std::uint64_t first,
                                        std::optional<std::uint64_t> length, Tail tail,
                                        Client client) {
  return std::make_unique<SpoolReader>(std::move(spool), first, length, tail, std::move(client));
}

}  // namespace ncps::cache
