// Subscriber: hears from Redis which leases were given back, on a connection of its own.
//
// Everything on one executor. After each new connection everybody who waits is woken, because word
// may have been missed.
#pragma once

#include <memory>
#include <string>

#include "lock/named_signals.h"
#include "lock/redis/client.h"
#include "rt/task_group.h"

namespace ncps::redis {

class Subscriber {
 public:
  Subscriber(Client& client, const RedisOptions& options,
             std::shared_ptr<lock::NamedSignals> signals, TaskGroup& group,
             boost::asio::any_io_executor executor);

  // Until stop().
  boost::asio::awaitable<void> run();
  void stop();

 private:
  Task<void> listen();
  boost::asio::awaitable<void> keep_alive(std::shared_ptr<Connection> connection);
  boost::asio::awaitable<void> pause(Deadline until);

  Client& client_;
  const RedisOptions& options_;
  const std::string channel_;
  const std::shared_ptr<lock::NamedSignals> signals_;
  TaskGroup& group_;
  const boost::asio::any_io_executor executor_;
  std::shared_ptr<Connection> connection_;  // while there is one
  Signal ended_;                            // it has ended, or stopped
  bool stopped_ = false;
  bool has_listened_ = false;  // since the last failure
  bool has_complained_ = false;
};

}  // namespace ncps::redis
