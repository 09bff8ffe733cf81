// Credentials that are good now: fetched once for all who ask, and anew 5 minutes before they end.
//
// While new ones are fetched, and also if that fails, the old ones are given out for as long as
// they are good. Thread-safe; must outlive its callers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/guarded.h"
#include "rt/signal.h"
#include "rt/task.h"
#include "storage/s3/credentials.h"

namespace ncps::s3 {

class CredentialKeeper {
 public:
  using Find = std::function<Task<Credentials>(Deadline)>;
  using Clock = std::function<std::chrono::sys_seconds()>;

  static constexpr std::chrono::seconds kBeforeEnd{300};    // of what is good longer than that
  static constexpr std::chrono::seconds kAfterFailure{30};  // not asked again, while the old do

  CredentialKeeper(Find find, Clock clock) : find_(std::move(find)), clock_(std::move(clock)) {}

  // Good ones. Errors: those of `find`; timeout: somebody else's fetch took longer than `deadline`.
  Task<std::shared_ptr<const Credentials>> current(Deadline deadline);

  // The server says that these are over: they are not given out again. `credentials` as current()
  // gave them; lasting ones stay, because nothing better would be found.
  void reject(const std::shared_ptr<const Credentials>& credentials);

 private:
  struct State {
    std::shared_ptr<const Credentials> credentials;
    std::chrono::sys_seconds renew_at{};  // of credentials that expire
    bool finding = false;
    std::optional<Error> failure;  // the last one
    std::uint64_t failures = 0;    // so far
  };
  enum class Turn : std::uint8_t { use, find, wait, fail };

  Turn turn(State& state) const;
  void keep(const Result<Credentials>& found);
  Task<Credentials> find_good(Deadline deadline);
  Task<std::shared_ptr<const Credentials>> renew(std::shared_ptr<const Credentials> old,
                                                 Deadline deadline);

  const Find find_;
  const Clock clock_;
  Guarded<State> state_;
  Signal changed_;
};

}  // namespace ncps::s3
