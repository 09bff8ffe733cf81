// Connection: one connection to a Redis server, over TCP or TLS, logged in.
//
// Everything on one executor, one ask() or receive() at a time. Whatever is not answered in time, or
// not understood, ends it: no answer can be taken for that to another command.
#pragma once

#include <memory>
#include <string>

#include "lock/redis/command.h"
#include "lock/redis/redis_options.h"
#include "lock/redis/reply.h"
#include "rt/deadline.h"
#include "rt/task.h"

namespace ncps::redis {

struct TlsContext;

class Connection {
 public:
  // Errors: unavailable, timeout; the sentence begins with the address, and says what to do where it
  // is about the login.
  static Task<std::unique_ptr<Connection>> open(NodeAddress address, Login login,
                                                std::shared_ptr<TlsContext> tls, Deadline deadline);
  ~Connection();

  // The answer, which may be an error of the server's. Errors: unavailable, timeout.
  Task<Reply> ask(Command command, Deadline deadline);

  // For what answers more than once. send() may run beside receive().
  Task<void> send(Command command);
  Task<Reply> receive(Deadline deadline);

  bool is_open() const noexcept;
  void close() noexcept;  // what waits for an answer fails

 private:
  struct State;  // keeps Asio's sockets out of here
  explicit Connection(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  // shared with timers that have not been told yet
};

}  // namespace ncps::redis
