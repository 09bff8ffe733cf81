#include "storage/s3/credential_keeper.h"

#include <algorithm>
#include <utility>

#include "telemetry/log.h"

namespace ncps::s3 {
namespace {

template <class F>
struct AtEnd {
  F& run;
  ~AtEnd() { run(); }
};

}  // namespace

CredentialKeeper::Turn CredentialKeeper::turn(State& state) const {
  auto now = clock_();
  if (state.credentials && !state.credentials->expires) return Turn::use;
  bool good = state.credentials && now < *state.credentials->expires;
  if (good && (now < state.renew_at || state.finding)) return Turn::use;
  if (state.finding) return Turn::wait;
  state.finding = true;
  return Turn::find;
}

void CredentialKeeper::keep(const Result<Credentials>& found) {
  auto now = clock_();
  state_.with([&](State& state) {
    state.finding = false;
    if (!found) {
      state.renew_at = now + kAfterFailure;
      state.failure = found.error();
      ++state.failures;
      return;
    }
    state.credentials = std::make_shared<const Credentials>(*found);
    if (!found->expires) return;
    // Some services give out what ends in less than 5 minutes: half of that, then.
    state.renew_at = *found->expires - std::min(kBeforeEnd, (*found->expires - now) / 2);
  });
  changed_.notify();
}

Task<Credentials> CredentialKeeper::find_good(Deadline deadline) {
  CO_TRY(auto found, co_await find_(deadline));
  if (found.expires && *found.expires <= clock_())
    co_return fail(
        ErrorKind::unavailable,
        "the credentials for S3 had ended when they came: is this machine's clock right?");
  co_return found;
}

Task<std::shared_ptr<const Credentials>> CredentialKeeper::current(Deadline deadline) {
  std::optional<std::uint64_t> failures;  // when we began to wait
  for (;;) {
    auto seen = changed_.version();
    State now;
    auto what = state_.with([&](State& state) {
      // One failure is everybody's who waited for it: they do not try one after the other.
      bool failed = failures && *failures != state.failures && !state.finding;
      auto next = failed ? Turn::fail : turn(state);
      now = state;
      return next;
    });
    if (what == Turn::use) co_return now.credentials;
    if (what == Turn::fail) co_return std::unexpected(*now.failure);
    if (what == Turn::find) co_return co_await renew(std::move(now.credentials), deadline);
    if (!failures) failures = now.failures;
    if (!co_await changed_.wait_past(seen, deadline))
      co_return fail(ErrorKind::timeout, "no credentials for S3 in time");
  }
}

Task<std::shared_ptr<const Credentials>> CredentialKeeper::renew(
    std::shared_ptr<const Credentials> old, Deadline deadline) {
  Result<Credentials> found = fail(ErrorKind::unavailable, "the search for credentials was ended");
  {
    // Whatever ends the search, those who wait are woken.
    auto tell = [&] { keep(found); };
    AtEnd at_end{tell};
    found = co_await find_good(deadline);
  }
  if (found) co_return state_.with([](const State& state) { return state.credentials; });
  if (!old || clock_() >= *old->expires) co_return std::unexpected(std::move(found).error());
  log::warn("S3 credentials could not be renewed, the old ones still hold",
            {{"error", found.error().what()}});
  co_return old;
}

void CredentialKeeper::reject(const std::shared_ptr<const Credentials>& credentials) {
  state_.with([&](State& state) {
    if (state.credentials == credentials && credentials && credentials->expires)
      state.credentials.reset();
  });
}

}  // namespace ncps::s3
