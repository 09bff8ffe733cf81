#include "lock/redis/subscriber.h"

#include <algorithm>
#include <utility>

#include "fetch/unit_random.h"
#include "lock/redis/lease_keys.h"
#include "telemetry/log.h"

namespace ncps::redis {
namespace {

constexpr auto kPing = std::chrono::seconds(10);     // so that a dead connection is noticed
constexpr auto kSilence = std::chrono::seconds(25);  // is one
constexpr auto kRefusedPause = std::chrono::seconds(60);

}  // namespace

Subscriber::Subscriber(Client& client, const RedisOptions& options,
                       std::shared_ptr<lock::NamedSignals> signals, TaskGroup& group,
                       boost::asio::any_io_executor executor)
    : client_(client),
      options_(options),
      channel_(given_back_channel(options.key_prefix)),
      signals_(std::move(signals)),
      group_(group),
      executor_(std::move(executor)) {}

boost::asio::awaitable<void> Subscriber::pause(Deadline until) {
  while (!stopped_ && !until.passed()) {
    auto seen = ended_.version();
    if (stopped_) co_return;
    co_await ended_.wait_past(seen, until);
  }
}

boost::asio::awaitable<void> Subscriber::keep_alive(std::shared_ptr<Connection> connection) {
  while (connection->is_open()) {
    auto seen = ended_.version();
    if (co_await ended_.wait_past(seen, Deadline::after(kPing))) continue;
    Command ping = {"PING"};
    if (connection->is_open()) (void)co_await connection->send(std::move(ping));
  }
}

// Until the connection ends. Errors: unavailable, timeout; invalid: we may not listen.
Task<void> Subscriber::listen() {
  CO_TRY(auto made, co_await client_.connect_to_any());
  std::shared_ptr<Connection> connection = std::move(made);
  if (stopped_) co_return Result<void>();
  Command subscribe = {"SUBSCRIBE", channel_};
  CO_TRY(co_await connection->send(std::move(subscribe)));
  CO_TRY(auto welcome, co_await connection->receive(Deadline::after(options_.patience.answer)));
  if (stopped_) co_return Result<void>();
  if (welcome.at(0).text != "subscribe")
    co_return fail(ErrorKind::invalid, welcome.is_error()
                                           ? printable(welcome.text)
                                           : "it answers SUBSCRIBE with something else");
  connection_ = connection;
  has_listened_ = true;
  has_complained_ = false;
  group_.spawn(executor_, "pings of Redis", keep_alive(connection));
  signals_->notify_all();
  for (;;) {
    auto message = co_await connection->receive(Deadline::after(kSilence));
    if (!message) {
      connection_.reset();
      ended_.notify();
      co_return std::unexpected(std::move(message).error());
    }
    if (message->at(0).text == "message") signals_->notify(message->at(2).text);
  }
}

boost::asio::awaitable<void> Subscriber::run() {
  for (unsigned failed = 1; !stopped_; ++failed) {
    has_listened_ = false;
    auto listened = co_await listen();
    if (stopped_) co_return;
    if (has_listened_) failed = 1;
    bool refused = !listened && listened.error().kind() == ErrorKind::invalid;
    if (refused && !std::exchange(has_complained_, true))
      log::warn("Redis does not let us listen: who waits for a lease looks again now and then only",
                {{"channel", channel_}, {"error", listened.error().what()}});
    auto delay = fetch::retry_delay(options_.retry, failed, {},
                                    options_.jitter ? fetch::unit_random() : 0.0);
    co_await pause(Deadline::after(refused ? Deadline::Clock::duration(kRefusedPause) : delay));
  }
}

void Subscriber::stop() {
  stopped_ = true;
  if (connection_) connection_->close();
  ended_.notify();
}

}  // namespace ncps::redis
