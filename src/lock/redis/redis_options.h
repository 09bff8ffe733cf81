// What is to be known to use a Redis server, or a cluster of them.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "fetch/retry_delay.h"
#include "lock/redis/node_address.h"

namespace ncps::redis {

struct Login {
  std::string username;  // of an ACL; empty: the default user
  std::string password;  // empty: none is asked for
  unsigned database = 0;
};

struct Tls {
  bool wanted = false;
  std::filesystem::path ca_file;  // trusted instead of the system's and SSL_CERT_FILE; empty: those
};

struct Patience {
  std::chrono::milliseconds connect{3'000};  // name, connection, TLS and login together
  std::chrono::milliseconds answer{2'000};   // to one command
};

struct RedisOptions {
  std::vector<NodeAddress> addresses;  // one: a server; several: nodes of one cluster
  Login login;
  Tls tls;
  unsigned pool_size = 10;  // connections to each node
  std::string key_prefix = "ncps:lock:";
  fetch::RetryPolicy retry{.attempts = 3};
  bool jitter = true;  // of the delays in between
  Patience patience;
};

}  // namespace ncps::redis
