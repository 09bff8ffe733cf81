// Wire: what lies between a program and a database server. It counts, holds up, cuts, and lies.
// On 127.0.0.1; has a thread. Thread-safe.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <thread>

#include "db/database_url.h"

namespace ncps::testing {

class Wire {
 public:
  Wire(db::DatabaseKind kind, int server_port);
  ~Wire();

  int port() const { return port_; }

  // How often the client began to speak after the server had: round trips, handshakes included.
  int turns() const { return turns_; }
  // How many connections were made.
  int connections() const { return connections_; }

  void freeze() { frozen_ = true; }  // connections stand and are taken, but nothing goes through
  void thaw() { frozen_ = false; }
  void deny_tls() { deny_tls_ = true; }  // a new connection's server seems to have no TLS

 private:
  struct Link {
    int peer = -1;
    bool from_client = false;
    bool server_spoke = true;  // of the client's end: since the client last did
    bool fresh = true;         // of the server's end: it has said nothing yet
  };

  void run();
  void accept();
  bool pass_on(int from);  // false: this end is gone
  void hang_up(int end);

  const db::DatabaseKind kind_;
  const int server_port_;
  int port_ = 0, listener_ = -1;
  std::atomic<bool> stopping_ = false, frozen_ = false, deny_tls_ = false;
  std::atomic<int> turns_ = 0, connections_ = 0;
  std::map<int, Link> links_;  // by descriptor; run()'s own
  std::thread thread_;
};

}  // namespace ncps::testing
