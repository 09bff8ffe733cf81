#include "lock/redis/redis_leases.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <utility>

#include "base/guarded.h"
#include "lock/redis/client.h"
#include "lock/redis/lease_keeper.h"
#include "lock/redis/subscriber.h"
#include "lock/redis/tls_context.h"
#include "rt/runtime.h"
#include "telemetry/span.h"

namespace ncps::redis {

namespace asio = boost::asio;

namespace {

constexpr auto kGivingBack = std::chrono::seconds(2);  // at the end

class RedisLeases final : public lock::Leases {
 public:
  RedisLeases(RedisOptions options, std::shared_ptr<TlsContext> tls,
              std::shared_ptr<lock::NamedSignals> signals)
      : options_(std::move(options)),
        signals_(std::move(signals)),
        runtime_(1),
        executor_(runtime_.next_executor()),
        client_(options_, std::move(tls), group_, executor_, [this] { changed(); }),
        keeper_(client_, options_.key_prefix, signals_, executor_),
        subscriber_(client_, options_, signals_, group_, executor_) {
    group_.spawn(executor_, "renewals of leases", keeper_.run());
    group_.spawn(executor_, "word of leases", subscriber_.run());
  }
  RedisLeases(const RedisLeases&) = delete;
  RedisLeases& operator=(const RedisLeases&) = delete;

  ~RedisLeases() override {
    auto end = [this] {
      keeper_.stop();
      subscriber_.stop();
    };
    // Behind the leases that were destroyed just now, whose return has to have begun.
    asio::post(executor_, asio::use_future(end)).wait();
    keeper_.join_returns(Deadline::after(kGivingBack));
    asio::post(executor_, [this] { client_.stop(); });
    keeper_.join_returns(Deadline::never());  // each of their waits has an end
    keeper_.join_renewals(Deadline::never());
    group_.join_blocking(Deadline::never());
    runtime_.stop();
  }

  Task<lock::Taken> try_take(lock::Ask ask, Deadline deadline) override {
    trace::Span span("lock.take", trace::Kind::client);
    span.set("ncps.lock", ask.name);
    // Named first (docs/coroutines.md, 2). The work runs on our thread, the caller wakes on its own.
    auto work = keeper_.take(std::move(ask), deadline);
    auto taken = co_await asio::co_spawn(executor_, std::move(work), asio::use_awaitable);
    if (!taken) span.fail(taken.error().what());
    co_return std::move(taken);
  }

  std::shared_ptr<Signal> given_back(const std::string& name) override {
    return signals_->of(name);
  }

  std::string trouble() const override {
    return trouble_.with([](const std::string& text) { return text; });
  }

 private:
  void changed() {
    auto now = client_.trouble();
    bool better = trouble_.with([&](std::string& text) {
      bool was = !text.empty();
      text = now;
      return was && now.empty();
    });
    if (better) signals_->notify_all();
  }

  // Constant.
  const RedisOptions options_;
  const std::shared_ptr<lock::NamedSignals> signals_;
  // On any thread.
  Guarded<std::string> trouble_;
  // On the runtime's thread alone, which ends in the destructor.
  Runtime runtime_;
  const asio::any_io_executor executor_;
  TaskGroup group_;
  Client client_;
  LeaseKeeper keeper_;
  Subscriber subscriber_;
};

}  // namespace

Result<std::unique_ptr<lock::Leases>> open_redis_leases(
    RedisOptions options, std::shared_ptr<lock::NamedSignals> signals) {
  TRY(auto tls, make_tls_context(options.tls));
  return std::make_unique<RedisLeases>(std::move(options), std::move(tls), std::move(signals));
}

}  // namespace ncps::redis
