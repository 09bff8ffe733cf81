// SessionPool: threads for SQL, and a connection for each that works. Only for this folder.
//
// Connects when somebody asks, again after a connection is lost; a job that failed without having
// done anything is done again. Thread-safe. Destroying it waits for the jobs that run.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "db/soci/session.h"
#include "db/soci/watch.h"
#include "rt/offload.h"
#include "rt/task.h"
#include "telemetry/span.h"

namespace ncps::db {

class SessionPool {
 public:
  // `dialect` outlives it.
  SessionPool(const Dialect& dialect, const PoolLimits& limits);
  ~SessionPool();

  // f(Statements&) -> Result<T> on one of our threads. It may be called more than once: what it
  // does must be the same when done twice. Errors: unavailable (no connection, or none in time;
  // what SOCI throws), those of f.
  template <class T, class F>
  Task<T> run(std::string_view action, F f) {
    trace::Span span("db", trace::Kind::client);
    span.set("db.operation.name", action);
    auto deadline = Deadline::after(limits_.answering);
    auto work = [&]() -> Result<T> {
      Result<T> answer = fail(ErrorKind::internal, "no answer");
      auto job = [&](Statements& statements) -> Result<void> {
        answer = f(statements);
        return {};
      };
      if (auto done = perform(job, deadline); !done)
        return std::unexpected(std::move(done).error().while_doing(action));
      return answer;
    };
    if (waiting_.fetch_add(1) >= kMostWaiting) {
      --waiting_;
      co_return fail(ErrorKind::unavailable,
                     std::string(action) + ": too many wait for the database");
    }
    WaitsNoMore at_end{waiting_};
    auto answer = co_await offload(threads_, std::move(work));
    if (!answer) span.fail(answer.error().what());
    co_return std::move(answer);
  }

  std::size_t calls() const noexcept { return waiting_.load(); }  // that run or wait

 private:
  using Job = std::function<Result<void>(Statements&)>;
  struct WaitsNoMore {
    std::atomic<std::size_t>& waiting;
    ~WaitsNoMore() { --waiting; }
  };

  Result<void> perform(const Job& job, Deadline deadline);
  Result<void> watched(const Job& job, Session& session, Deadline deadline);
  Result<std::unique_ptr<Session>> take();
  std::unique_ptr<Session> take_idle();
  Result<std::unique_ptr<Session>> connect();
  void give_back(std::unique_ptr<Session> session);
  void forget_idle();

  const Dialect& dialect_;
  const PoolLimits limits_;
  std::atomic<std::size_t> waiting_ = 0;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;  // guarded by mutex_
  Deadline::Clock::time_point not_before_;      // guarded by mutex_: of the next try to connect
  Error last_failure_;                          // guarded by mutex_: to connect
  Watch watch_;
  Pool threads_;
};

}  // namespace ncps::db
