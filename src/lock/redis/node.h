// Node: the connections to one Redis server, and whether it is there at all.
//
// Once it is known to be away, whoever asks is told so at once. One probe, which is nobody's question,
// finds out when it is back; until then nothing else is sent there. Everything on one executor. Owned
// by shared pointers; stop() ends what it has running.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lock/redis/connection.h"
#include "rt/signal.h"
#include "rt/task_group.h"

namespace ncps::redis {

// What all nodes have in common.
struct NodeParts {
  const RedisOptions& options;
  std::shared_ptr<TlsContext> tls;  // nullptr: without
  TaskGroup& group;                 // of the probes
  boost::asio::any_io_executor executor;
  std::function<void()> changed;                          // one went away, or is back
  std::function<boost::asio::awaitable<void>()> probing;  // before each probe
};

class Node : public std::enable_shared_from_this<Node> {
 public:
  static constexpr std::size_t kMostWaiting = 4'096;  // for a connection

  Node(NodeAddress address, const NodeParts& parts) : address_(std::move(address)), parts_(parts) {}

  const NodeAddress& address() const noexcept { return address_; }

  // One try; a second one where a connection turns out to have died while nobody used it. `asking`:
  // after a redirect of that name. Errors: unavailable (at once, if it is away), timeout; conflict (too
  // many ask, which says nothing about the server).
  enum class Asking : bool { no, yes };
  Task<Reply> ask(Command command, Asking asking, Deadline deadline);

  // Why it is away. nullptr: nothing is known against it.
  const Error* away() const noexcept { return away_ ? &*away_ : nullptr; }

  // From now on it is away, and probed until it is not.
  void give_up(Error why);

  // Whoever waits fails, and so does every ask() from now on.
  void stop();

 private:
  class Place;

  Task<Reply> ask_on(Connection& connection, const Command& command, Asking asking,
                     Deadline deadline);
  Task<std::unique_ptr<Connection>> connect(Deadline deadline);
  Task<void> wait_for_place(Deadline deadline);
  boost::asio::awaitable<void> probe();

  const NodeAddress address_;
  const NodeParts& parts_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t in_use_ = 0, waiting_ = 0;
  Signal freed_;  // a place, or stopped
  std::optional<Error> away_;
  bool stopped_ = false;
};

}  // namespace ncps::redis
