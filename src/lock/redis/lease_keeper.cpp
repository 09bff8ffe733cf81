#include "lock/redis/lease_keeper.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <optional>
#include <utility>

#include "crypto/random.h"
#include "telemetry/log.h"

namespace ncps::redis {
namespace {

using std::chrono::milliseconds;

constexpr auto kReturnPause = std::chrono::seconds(1);
constexpr auto kReturnTime = std::chrono::seconds(10);  // of one try

Result<std::string> new_token() {
  TRY(auto bytes, crypto::random_bytes(kTokenSize / 2));
  std::string out;
  for (auto byte : bytes) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    out.push_back(kDigits[static_cast<unsigned>(byte) >> 4]);
    out.push_back(kDigits[static_cast<unsigned>(byte) & 0xf]);
  }
  return out;
}

// How long it is surely ours: a hundredth less than Redis was told, because clocks do not run alike.
BootClock::duration surely(milliseconds time_to_live) {
  return time_to_live - std::max(time_to_live / 100, milliseconds(1));
}

}  // namespace

struct LeaseKeeper::Held {
  // Constant.
  std::string name, token;
  LeaseKeys keys;
  milliseconds time_to_live{};
  std::optional<milliseconds> stalls_after;
  std::uint64_t fence = 0;

  // For good() and progress(), on any thread.
  std::atomic<BootClock::rep> good_until = 0;
  std::atomic<BootClock::rep> came_on = BootClock::now().time_since_epoch().count();
  mutable std::atomic<bool> lost = false;

  // Of the executor.
  BootClock::time_point next_renewal;
  bool renewing = false;
  bool gone = false;      // Redis says so: there is nothing to give back
  bool returned = false;  // that has begun

  // Who was once told that it is not good is never told otherwise, also if a renewal comes through
  // after all.
  bool good() const noexcept {
    auto until = std::min(BootClock::time_point(BootClock::duration(good_until.load())), stalls());
    if (!lost && BootClock::now() >= until) lost = true;
    return !lost;
  }
  // From when on it counts as hanging.
  BootClock::time_point stalls() const noexcept {
    if (!stalls_after) return BootClock::time_point::max();
    return BootClock::time_point(BootClock::duration(came_on.load())) + *stalls_after;
  }
  // `begin`: before Redis was asked.
  void lasts_from(BootClock::time_point begin) {
    good_until = (begin + surely(time_to_live)).time_since_epoch().count();
    next_renewal = begin + time_to_live / 3;
  }
};

class LeaseKeeper::RedisLease final : public lock::Lease {
 public:
  RedisLease(LeaseKeeper& keeper, std::shared_ptr<Held> held)
      : keeper_(keeper), held_(std::move(held)) {}
  RedisLease(const RedisLease&) = delete;
  RedisLease& operator=(const RedisLease&) = delete;
  ~RedisLease() override {
    auto give_back = [&keeper = keeper_, held = held_] { keeper.begin_return(held); };
    boost::asio::post(keeper_.executor_, std::move(give_back));
  }

  bool good() const noexcept override { return held_->good(); }
  using lock::Lease::progress;
  void progress(std::chrono::milliseconds longer) noexcept override {
    held_->came_on = (BootClock::now() + longer).time_since_epoch().count();
  }
  std::uint64_t fence() const noexcept override { return held_->fence; }

 private:
  LeaseKeeper& keeper_;
  std::shared_ptr<Held> held_;
};

LeaseKeeper::LeaseKeeper(Client& client, std::string key_prefix,
                         std::shared_ptr<lock::NamedSignals> signals,
                         boost::asio::any_io_executor executor)
    : client_(client),
      prefix_(std::move(key_prefix)),
      channel_(given_back_channel(prefix_)),
      signals_(std::move(signals)),
      executor_(std::move(executor)) {}

Task<lock::Taken> LeaseKeeper::take(lock::Ask ask, Deadline deadline) {
  CO_TRY(lock::check(ask));
  auto held = std::make_shared<Held>();
  CO_TRY(held->token, new_token());
  held->keys = lease_keys(prefix_, ask.name);
  held->name = std::move(ask.name);
  held->time_to_live = ask.time_to_live;
  held->stalls_after = ask.stalls_after;
  if (const auto* away = client_.away(held->keys.lease)) co_return std::unexpected(*away);

  held->lasts_from(BootClock::now());
  auto call = take_call(held->keys, held->token, ask.note, held->time_to_live);
  auto reply = co_await client_.ask(std::move(call), deadline);
  if (!reply) {
    begin_return(held);  // it may be ours without our knowing
    co_return std::unexpected(std::move(reply).error());
  }
  CO_TRY(auto taken, read_taken(*reply));
  if (auto* holder = std::get_if<lock::Holder>(&taken)) co_return lock::Taken(std::move(*holder));
  held->fence = std::get<Ours>(taken).fence;
  auto lease = std::make_unique<RedisLease>(*this, held);
  if (!held->good())  // it was given, and has expired on its way here
    co_return fail(ErrorKind::timeout, "Redis took longer to answer than the lease lives");
  held_.push_back(std::move(held));
  changed_.notify();
  co_return lock::Taken(std::move(lease));
}

// Whoever holds one of those hangs: the next one need not wait until it has expired. What hangs is never
// told otherwise, should it go on.
void LeaseKeeper::give_up_what_stalls() {
  auto now = BootClock::now();
  auto stalled = held_;
  std::erase_if(stalled, [&](const auto& one) { return one->stalls() > now; });
  for (auto& held : stalled) {
    lose(*held, "the work that it is for has not come on for too long");
    begin_return(std::move(held));
  }
}

BootClock::time_point LeaseKeeper::begin_due_renewals() {
  auto now = BootClock::now();
  auto next = now + std::chrono::hours(1);
  for (auto& held : held_) {
    next = std::min(next, held->stalls());
    if (held->renewing) continue;
    if (held->next_renewal > now) {
      next = std::min(next, held->next_renewal);
      continue;
    }
    held->renewing = true;
    renewals_.spawn(executor_, "renewal of a lease", renew(held));
  }
  return next;
}

boost::asio::awaitable<void> LeaseKeeper::run() {
  for (;;) {
    auto seen = changed_.version();
    if (stopped_) co_return;
    give_up_what_stalls();
    auto next = begin_due_renewals();
    co_await changed_.wait_past(seen, Deadline::after(next - BootClock::now()));
  }
}

boost::asio::awaitable<void> LeaseKeeper::renew(std::shared_ptr<Held> held) {
  auto begin = BootClock::now();
  auto call = renew_call(held->keys, held->token, held->time_to_live);
  auto reply = co_await client_.ask(std::move(call), Deadline::after(held->time_to_live / 3));
  auto done = reply ? read_done(*reply) : Result<bool>(std::unexpected(std::move(reply).error()));
  held->renewing = false;
  if (std::ranges::find(held_, held) == held_.end()) co_return;  // given back meanwhile
  if (done && *done && !held->lost) {
    held->lasts_from(begin);
  } else if (done && *done) {
    lose(*held, "it was renewed, but too late");
  } else if (done) {
    held->gone = true;
    lose(*held, "Redis does not have it any more: it was lost there, or renewed too late");
  } else if (!held->good()) {
    lose(*held, done.error().what());
  } else {
    auto pause =
        std::clamp<milliseconds>(held->time_to_live / 20, milliseconds(20), milliseconds(2'000));
    held->next_renewal = BootClock::now() + pause;
  }
  changed_.notify();
}

void LeaseKeeper::lose(Held& held, std::string_view why) {
  held.lost = true;
  std::erase_if(held_, [&](const auto& one) { return one.get() == &held; });
  log::warn("a lease was lost", {{"name", printable(held.name)}, {"why", why}});
}

void LeaseKeeper::begin_return(std::shared_ptr<Held> held) {
  std::erase(held_, held);
  if (held->gone || std::exchange(held->returned, true)) return;
  if (returns_.running() >= kMostReturns) return;
  returns_.spawn(executor_, "return of a lease", give_back(std::move(held)));
}

boost::asio::awaitable<void> LeaseKeeper::give_back(std::shared_ptr<Held> held) {
  auto expired = BootClock::now() + held->time_to_live;
  for (;;) {
    auto seen = changed_.version();
    auto call = give_back_call(held->keys, held->token, channel_, held->name);
    auto reply = co_await client_.ask(std::move(call), Deadline::after(kReturnTime));
    if (reply) {
      if (reply->is_error())
        log::warn("a lease could not be given back, and has to expire",
                  {{"name", printable(held->name)}, {"error", printable(reply->text)}});
      // Word of it comes back to us as well, but not while the subscription is broken.
      signals_->notify(held->name);
      co_return;
    }
    auto pause = Deadline::after(kReturnPause);
    while (!stopped_ && !pause.passed()) {
      co_await changed_.wait_past(seen, pause);
      seen = changed_.version();
    }
    if (stopped_ || BootClock::now() >= expired) co_return;
  }
}

void LeaseKeeper::stop() {
  stopped_ = true;
  changed_.notify();
}

}  // namespace ncps::redis
