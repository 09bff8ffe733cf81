// Client: asks the Redis server that has a key: the only one, or that node of a cluster.
//
// Everything on one executor. A server that cannot be reached is asked again as the options say, and
// then is away (node.h). A cluster's nodes are found by CLUSTER SLOTS and by what they say themselves
// (MOVED, ASK); one address that turns out to be a node of a cluster is as good as all of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lock/redis/node.h"
#include "lock/redis/scripts.h"
#include "lock/redis/slots.h"

namespace ncps::redis {

class Client {
 public:
  // `changed`: word may have been missed, or trouble() is another.
  Client(const RedisOptions& options, std::shared_ptr<TlsContext> tls, TaskGroup& group,
         boost::asio::any_io_executor executor, std::function<void()> changed);

  // Errors: unavailable (Redis or a proxy before it cannot do it now), timeout. What the server
  // refuses for good is a Reply.
  Task<Reply> ask(Call call, Deadline deadline);

  // Why nobody would be asked now. nullptr: somebody would.
  const Error* away(const std::string& key);

  // A connection of the caller's own to any node. Errors: as of Connection::open.
  Task<std::unique_ptr<Connection>> connect_to_any();

  // Why some leases cannot be had just now; empty: nothing is known.
  std::string trouble() const;

  void stop();  // everything that waits here fails soon

 private:
  struct Outcome {
    std::shared_ptr<Node> node;  // that was asked last; nullptr: nobody
    Result<Reply> reply;
  };

  boost::asio::awaitable<Outcome> ask_once(const Call& call, Deadline deadline);
  Result<Reply> judge(Outcome& outcome, bool last, Deadline deadline);
  bool is_cluster() const noexcept { return cluster_; }
  std::shared_ptr<Node> node_at(const NodeAddress& address);
  std::shared_ptr<Node> node_of(const std::string& key);
  std::vector<std::shared_ptr<Node>> to_ask();
  Task<void> find_slots();
  Task<void> ask_for_slots();
  void use(SlotTable table);
  boost::asio::awaitable<void> find_slots_later();

  const RedisOptions& options_;
  const std::shared_ptr<TlsContext> tls_;
  NodeParts parts_;
  std::map<NodeAddress, std::shared_ptr<Node>> nodes_;
  SlotTable table_;
  bool cluster_;          // for all we know
  bool found_ = false;    // table_ is an answer to CLUSTER SLOTS
  bool finding_ = false;  // one at a time
  Result<void> last_finding_;
  Signal found_slots_;  // that one is done
  Signal stop_;
  bool stopped_ = false;
};

}  // namespace ncps::redis
