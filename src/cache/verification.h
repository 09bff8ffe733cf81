// Verification: a check of what a download brings that runs beside it, and ends in every case.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/guarded.h"
#include "cache/spool.h"
#include "rt/signal.h"
#include "rt/task.h"

namespace ncps::cache {

// Thread-safe.
class Verification {
 public:
  using Check = std::function<Task<void>()>;

  // Runs `check`, for a TaskGroup. If it fails, or throws, it fails the spool at once, and so ends
  // the fetching.
  static boost::asio::awaitable<void> run(std::shared_ptr<Verification> verification, Check check,
                                          std::shared_ptr<Spool> spool);

  // Waits for its end. Errors: the check's; internal, if it threw.
  Task<void> outcome();

 private:
  Guarded<std::optional<Result<void>>> result_;
  Signal done_;
};

}  // namespace ncps::cache
