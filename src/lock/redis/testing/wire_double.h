// WireDouble: between ncps and a real Redis, or in its place, and does what a real one cannot be made
// to do: breaks off in the middle of an answer, answers nonsense.
//
// On 127.0.0.1, with a thread for each connection. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/testing/loopback.h"
#include "lock/redis/node_address.h"

namespace ncps::testing {

// What becomes of some bytes that a client has sent (one command, as long as it is small).
struct Fate {
  std::optional<std::string> answer = {};  // instead of asking the server
  std::optional<std::size_t> cut_at =
      {};              // the server does it; its answer ends after so many bytes
  bool close = false;  // after `answer`
};

class WireDouble {
 public:
  using Decide = std::function<Fate(std::string_view command)>;

  // server_port 0: there is none, what has no answer gets none.
  WireDouble(int server_port, Decide decide);
  ~WireDouble();

  redis::NodeAddress address() const;
  int connections() const { return connections_; }

 private:
  void accept();
  void serve(int client);

  const int server_port_;
  const Decide decide_;
  const LoopbackSocket listener_ = listening_on_loopback();
  std::atomic<int> connections_ = 0;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> threads_;
  std::thread accepter_;
};

// What a server says to all that is no script: so that a client logs in.
std::optional<std::string> greeting(std::string_view command);

}  // namespace ncps::testing
