// LeaseKeeper: takes leases, renews those that are held, and gives them back.
//
// One loop renews all of them, each at a third of its time to live, and gives back those whose work
// stands still. Everything on one executor but
// what a Lease itself does. A lease that was taken without an answer that says so is given back as
// well, until it must have expired.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "lock/leases.h"
#include "lock/named_signals.h"
#include "lock/redis/boot_clock.h"
#include "lock/redis/client.h"
#include "rt/task_group.h"

namespace ncps::redis {

class LeaseKeeper {
 public:
  static constexpr std::size_t kMostReturns = 10'000;  // at once; what is more expires by itself

  LeaseKeeper(Client& client, std::string key_prefix, std::shared_ptr<lock::NamedSignals> signals,
              boost::asio::any_io_executor executor);

  // As of lock::Leases.
  Task<lock::Taken> take(lock::Ask ask, Deadline deadline);

  // Renews until stop().
  boost::asio::awaitable<void> run();

  // No renewals any more, and one more try at most for each that is being given back.
  void stop();

  // Waits until all are given back, from a thread that runs no coroutines. False: not in time.
  bool join_returns(Deadline deadline) { return returns_.join_blocking(deadline); }
  bool join_renewals(Deadline deadline) { return renewals_.join_blocking(deadline); }

 private:
  struct Held;
  class RedisLease;

  boost::asio::awaitable<void> renew(std::shared_ptr<Held> held);
  boost::asio::awaitable<void> give_back(std::shared_ptr<Held> held);
  void begin_return(std::shared_ptr<Held> held);
  void lose(Held& held, std::string_view why);
  void give_up_what_stalls();
  BootClock::time_point begin_due_renewals();

  Client& client_;
  const std::string prefix_, channel_;
  const std::shared_ptr<lock::NamedSignals> signals_;
  const boost::asio::any_io_executor executor_;
  std::vector<std::shared_ptr<Held>> held_;
  Signal changed_;  // of held_, or stopped
  bool stopped_ = false;
  TaskGroup renewals_, returns_;
};

}  // namespace ncps::redis
