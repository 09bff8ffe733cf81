// RedisServer: a real Redis for tests, on loopback, in a folder of its own that goes with it. What it
// keeps is in memory: a killed one has lost it. RedisCluster: three masters, each with a replica.
//
// Not thread-safe, but what it serves may be used from everywhere. Each function throws when the
// server does not do what it is told.
#pragma once

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/testing/process/child.h"
#include "lock/redis/command.h"
#include "lock/redis/redis_options.h"
#include "lock/redis/reply.h"
#include "rt/runtime.h"

namespace ncps::testing {

class RedisServer {
 public:
  struct Options {
    std::string user, password;  // a user: may use keys and channels of ncps:lock: alone
    bool tls = false;            // alone; the certificate is good for localhost
    std::vector<std::string> more;
  };

  // One without password or TLS for all tests of this program.
  static RedisServer& plain();

  explicit RedisServer(Options options);
  ~RedisServer();

  // What is to be given to open_redis_leases().
  redis::RedisOptions use() const;
  redis::NodeAddress address() const;

  void kill();   // SIGKILL: gone, with all data
  void start();  // after kill(), on the same port; returns when it answers
  void freeze() { child_->signal(SIGSTOP); }  // takes connections, says nothing
  void thaw() { child_->signal(SIGCONT); }

  // As the administrator, on a connection of its own.
  redis::Reply ask(redis::Command command);
  bool answers();

  const std::filesystem::path& folder() const { return folder_; }  // with TLS: the certificates

 private:
  const Options options_;
  const std::filesystem::path folder_;
  const int port_;
  Runtime runtime_{1};
  std::unique_ptr<Child> child_;
};

class RedisCluster {
 public:
  // A master that is silent for so long is replaced: on a busy machine one that lives may be, too.
  static constexpr auto kHurried = std::chrono::seconds(1);  // where one shall die
  static constexpr auto kPatient = std::chrono::seconds(15);

  explicit RedisCluster(std::chrono::milliseconds node_timeout = kPatient);

  redis::RedisOptions use() const;  // all nodes
  // Waits until somebody living has it.
  RedisServer& master_of(const std::string& key);
  void wait_until_whole();  // of those that live
  std::vector<std::unique_ptr<RedisServer>>& nodes() { return nodes_; }

 private:
  RedisServer* find_master_of(const std::string& key);
  bool is_whole();
  std::vector<std::unique_ptr<RedisServer>> nodes_;
};

// Throws if it does not come true within a minute.
void eventually(const std::string& what, const std::function<bool()>& condition);

}  // namespace ncps::testing
