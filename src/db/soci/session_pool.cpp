#include "db/soci/session_pool.h"

#include <random>
#include <thread>

namespace ncps::db {
namespace {

constexpr int kTries = 5;

// Before try 2, 3, ...: around 10, 20, 40 ms, so that those who were in each other's way part.
void pause_before(int attempt) {
  thread_local std::minstd_rand random(std::random_device{}());
  std::uniform_int_distribution<int> around(5, 15);
  std::this_thread::sleep_for(std::chrono::milliseconds(around(random) << (attempt - 2)));
}

}  // namespace

SessionPool::SessionPool(const Dialect& dialect, const PoolLimits& limits)
    : dialect_(dialect),
      limits_(limits),
      last_failure_(ErrorKind::unavailable, "not tried yet"),
      threads_(limits.open) {}

SessionPool::~SessionPool() {
  threads_.join();
}

Result<void> SessionPool::perform(const Job& job, Deadline deadline) {
  for (int attempt = 1;; ++attempt) {
    if (deadline.passed()) return fail(ErrorKind::unavailable, "no answer in time");
    TRY(auto session, take());
    try {
      auto done = watched(job, *session, deadline);
      give_back(std::move(session));
      return done;
    } catch (const std::exception& e) {
      auto trouble = dialect_.trouble(e);
      // What one connection lost, the others will have lost as well.
      if (trouble == Trouble::lost) forget_idle();
      if (trouble == Trouble::passing) {
        session->statements().forget();
        give_back(std::move(session));
      }
      bool again = trouble != Trouble::lasting && attempt < kTries;
      if (!again || deadline.passed()) return std::unexpected(dialect_.error(e));
    }
    pause_before(attempt + 1);
  }
}

Result<void> SessionPool::watched(const Job& job, Session& session, Deadline deadline) {
  Watch::Turn turn(watch_, session, deadline);
  return job(session.statements());
}

Result<std::unique_ptr<Session>> SessionPool::take() {
  if (auto session = take_idle()) return session;
  return connect();
}

std::unique_ptr<Session> SessionPool::take_idle() {
  std::lock_guard lock(mutex_);
  if (idle_.empty()) return nullptr;
  auto session = std::move(idle_.back());
  idle_.pop_back();
  return session;
}

// After a try that failed nobody tries for as long as it took: a server that refuses is asked again
// at once, one that swallows what we send does not hold up every thread.
Result<std::unique_ptr<Session>> SessionPool::connect() {
  using Clock = Deadline::Clock;
  auto began = Clock::now();
  {
    std::lock_guard lock(mutex_);
    if (began < not_before_) return std::unexpected(last_failure_);
  }
  try {
    return std::make_unique<Session>(dialect_);
  } catch (const std::exception& e) {
    auto error = dialect_.error(e);
    std::lock_guard lock(mutex_);
    auto ended = Clock::now();
    not_before_ = ended + (ended - began);
    last_failure_ = error;
    return std::unexpected(error);
  }
}

void SessionPool::give_back(std::unique_ptr<Session> session) {
  std::unique_ptr<Session> surplus;  // is closed without the lock
  std::lock_guard lock(mutex_);
  auto& place = idle_.size() < limits_.idle ? idle_.emplace_back() : surplus;
  place = std::move(session);
}

void SessionPool::forget_idle() {
  std::vector<std::unique_ptr<Session>> gone;
  std::lock_guard lock(mutex_);
  gone.swap(idle_);
}

}  // namespace ncps::db
