// Wire: what lies between a program and a database server. It counts, holds up, cuts, and lies.
// On 127.0.0.1; has a thread. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>

#include "base/testing/loopback.h"
#include "db/database_url.h"

namespace ncps::testing {

class Wire {
 public:
  Wire(db::DatabaseKind kind, int server_port);
  ~Wire();

  int port() const { return listener_.port; }

  // How often the client began to speak after the server had: round trips, handshakes included.
  int turns() const { return turns_; }
  // How many connections were made.
  int connections() const { return connections_; }

  void freeze() { frozen_ = true; }  // connections stand and are taken, but nothing goes through
  void thaw() { frozen_ = false; }
  // At the n-th turn from now on, counted from 1, the connection is cut.
  enum class Cut : std::uint8_t {
    question,  // before the server hears of it
    answer,    // after it has done what it was told to, and before we hear of that
  };
  void cut_turn(int n, Cut cut,
                bool for_good);  // for_good: there is no other connection until heal()
  bool was_cut() const { return was_cut_; }
  void heal();
  void deny_tls() { deny_tls_ = true; }  // a new connection's server seems to have no TLS

 private:
  struct Link {
    int peer = -1;
    bool from_client = false;
    bool server_spoke = true;   // of the client's end: since the client last did
    bool fresh = true;          // of the server's end: it has said nothing yet
    bool loses_answer = false;  // of the server's end
  };

  void run();
  void accept();
  bool pass_on(int from);          // false: this end is gone
  bool is_cut(Link& from_client);  // at this turn, and before the server hears of it
  void hang_up(int end);

  const db::DatabaseKind kind_;
  const int server_port_;
  const LoopbackSocket listener_ = listening_on_loopback();
  std::atomic<bool> stopping_ = false, frozen_ = false, deny_tls_ = false;
  std::atomic<int> turns_ = 0, connections_ = 0;
  std::atomic<int> turns_left_ = 0;  // until the cut; 0: there is none
  std::atomic<Cut> cut_ = Cut::question;
  std::atomic<bool> for_good_ = false, dead_ = false, was_cut_ = false;
  std::map<int, Link> links_;  // by descriptor; run()'s own
  std::thread thread_;
};

}  // namespace ncps::testing
