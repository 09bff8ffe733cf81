// DiskCalls: reading calls to a file system that may hang, such as one whose server is away.
//
// A caller waits kPatience and gets an Error then: the call itself nobody can end, it keeps its
// thread of the pool until the file system answers. So a mount that hangs takes all threads of its
// pool, and nothing else: what is in memory is served, all else fails in time. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "rt/offload_until.h"
#include "rt/task.h"

namespace ncps::storage {

class DiskCalls {
 public:
  static constexpr auto kPatience = std::chrono::seconds(10);
  static constexpr std::size_t kMostWaiting = 4'096;  // in the pool's line or in the pool

  // The pool must outlive it.
  explicit DiskCalls(Pool& disk, std::chrono::milliseconds patience = kPatience,
                     std::size_t most = kMostWaiting)
      : disk_(disk), patience_(patience), most_(most) {}

  // `work` returns a Result<T> and owns all that it uses. Errors: its own; unavailable, if there was
  // no answer in time, or too many calls wait for theirs already. `what`: "opening /a/b".
  template <class F>
  auto run(std::string what, F work) -> boost::asio::awaitable<std::invoke_result_t<F>> {
    Place place(waiting_);
    if (place.before() >= most_)
      co_return fail(ErrorKind::unavailable, std::move(what) + ": the disk does not answer, and " +
                                                 std::to_string(most_) + " calls wait for it");
    auto counted = [place = std::move(place), work = std::move(work)]() mutable { return work(); };
    auto deadline = Deadline::after(patience_);
    auto done = co_await offload_until(disk_, deadline, std::move(counted));
    if (done) co_return std::move(*done);
    co_return fail(ErrorKind::unavailable,
                   std::move(what) + ": the disk did not answer within " +
                       std::to_string(std::chrono::ceil<std::chrono::seconds>(patience_).count()) +
                       " s");
  }

 private:
  // Of one call, until its work is gone.
  class Place {
   public:
    explicit Place(std::shared_ptr<std::atomic<std::size_t>> all)
        : all_(std::move(all)), before_(all_->fetch_add(1)) {}
    Place(Place&&) = default;
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (all_) all_->fetch_sub(1);
    }
    std::size_t before() const noexcept { return before_; }

   private:
    std::shared_ptr<std::atomic<std::size_t>> all_;
    std::size_t before_;
  };

  Pool& disk_;
  const std::chrono::milliseconds patience_;
  const std::size_t most_;
  const std::shared_ptr<std::atomic<std::size_t>> waiting_ =
      std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace ncps::storage
