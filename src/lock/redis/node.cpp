#include "lock/redis/node.h"

#include <utility>

#include "fetch/unit_random.h"
#include "telemetry/log.h"

namespace ncps::redis {

// One of the pool's places, until its end.
class Node::Place {
 public:
  explicit Place(Node& of) : of_(of) { ++of_.in_use_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    --of_.in_use_;
    of_.freed_.notify();
  }

 private:
  Node& of_;
};

Task<std::unique_ptr<Connection>> Node::connect(Deadline deadline) {
  co_return co_await Connection::open(address_, parts_.options.login, parts_.tls,
                                      deadline.at_most(parts_.options.patience.connect));
}

Task<void> Node::wait_for_place(Deadline deadline) {
  for (;;) {
    auto seen = freed_.version();
    if (stopped_) co_return fail(ErrorKind::unavailable, "ncps is stopping");
    if (away_) co_return std::unexpected(*away_);
    if (in_use_ < parts_.options.pool_size) co_return Result<void>();
    if (waiting_ >= kMostWaiting)
      co_return fail(ErrorKind::conflict, "too many wait for a connection to Redis");
    ++waiting_;
    bool freed = co_await freed_.wait_past(seen, deadline);
    --waiting_;
    if (!freed) co_return fail(ErrorKind::timeout, "no connection to Redis was free in time");
  }
}

Task<Reply> Node::ask_on(Connection& connection, const Command& command, Asking asking,
                         Deadline deadline) {
  if (asking == Asking::yes) {
    Command before = {"ASKING"};
    CO_TRY(co_await connection.ask(std::move(before), deadline));
  }
  co_return co_await connection.ask(command, deadline);
}

Task<Reply> Node::ask(Command command, Asking asking, Deadline deadline) {
  auto self = shared_from_this();
  CO_TRY(co_await wait_for_place(deadline));
  Place place(*this);
  auto until = deadline.at_most(parts_.options.patience.answer);
  std::unique_ptr<Connection> connection;
  if (!idle_.empty()) {
    connection = std::move(idle_.back());
    idle_.pop_back();
    auto reply = co_await ask_on(*connection, command, asking, until);
    if (reply && !stopped_) idle_.push_back(std::move(connection));
    if (reply || reply.error().kind() == ErrorKind::timeout || stopped_) co_return reply;
    idle_.clear();  // the server was restarted, or does not keep them that long
  }
  CO_TRY(connection, co_await connect(deadline));
  until = deadline.at_most(parts_.options.patience.answer);
  auto reply = co_await ask_on(*connection, command, asking, until);
  if (reply && !stopped_) idle_.push_back(std::move(connection));
  co_return reply;
}

void Node::give_up(Error why) {
  if (away_ || stopped_) return;
  log::warn("Redis does not answer", {{"address", address_.str()}, {"error", why.what()}});
  away_ = std::move(why);
  idle_.clear();
  freed_.notify();
  parts_.changed();
  parts_.group.spawn(parts_.executor, "probe of Redis", probe());
}

boost::asio::awaitable<void> Node::probe() {
  auto self = shared_from_this();
  const auto& options = parts_.options;
  for (unsigned failed = 1; !stopped_; ++failed) {
    auto delay =
        fetch::retry_delay(options.retry, failed, {}, options.jitter ? fetch::unit_random() : 0.0);
    auto until = Deadline::after(delay);
    while (!stopped_ && !until.passed()) co_await freed_.wait_past(freed_.version(), until);
    if (stopped_) break;
    co_await parts_.probing();  // it may have been replaced meanwhile, which stops it
    if (stopped_) break;
    auto connection = co_await connect(Deadline::after(options.patience.connect));
    if (!connection) {
      away_ = std::move(connection).error();
      continue;
    }
    if (stopped_) break;
    log::info("Redis answers again", {{"address", address_.str()}});
    away_.reset();
    idle_.push_back(std::move(*connection));
    parts_.changed();
    break;
  }
}

void Node::stop() {
  stopped_ = true;
  idle_.clear();
  freed_.notify();
}

}  // namespace ncps::redis
