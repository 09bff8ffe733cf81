#include "telemetry/otlp/delivery.h"

#include <poll.h>
#include <unistd.h>

#include <limits.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>

#include "fetch/retry_delay.h"
#include "fetch/unit_random.h"
#include "telemetry/log.h"
#include "telemetry/otlp/grpc_channel.h"
#include "telemetry/stdout_mutex.h"

namespace ncps::otlp {
namespace {

using namespace std::chrono_literals;

// As many attempts as the time allows.
constexpr fetch::RetryPolicy kBackOff{.attempts = 100, .first = 500ms, .ceiling = 5s};

std::string_view method_of(Signal signal) noexcept {
  switch (signal) {
    case Signal::traces: return "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    case Signal::logs: return "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    case Signal::metrics: return "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
  }
  return "";
}

class GrpcDelivery final : public Delivery {
 public:
  GrpcDelivery(Signal signal, const OtlpOptions& options, std::string user_agent)
      : signal_(signal),
        timeout_(options.timeout),
        collector_(options.collector->str()),
        channel_({.server = *options.collector,
                  .headers = options.headers,
                  .ca_file = options.ca_file,
                  .user_agent = std::move(user_agent)}) {}

  std::size_t deliver(const std::string& request, std::size_t items) override {
    auto deadline = Clock::now() + timeout_;
    for (unsigned failed = 0;;) {
      auto outcome = channel_.call(method_of(signal_), request, deadline);
      if (outcome.code == kOk) return items - taken_less(outcome.reply, items);
      auto delay = fetch::retry_delay(kBackOff, ++failed, std::nullopt, fetch::unit_random());
      if (outcome.code != kUnavailable || Clock::now() + delay >= deadline || !pause(delay)) {
        trouble(outcome);
        return 0;
      }
    }
  }

  void give_up_at(Clock::time_point when) noexcept override {
    channel_.give_up_at(when);
    {
      std::lock_guard lock(mutex_);
      giving_up_ = true;
    }
    changed_.notify_all();
  }

 private:
  // False: there will be no other attempt.
  bool pause(Clock::duration time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [&] { return giving_up_; });
  }

  std::size_t taken_less(std::string_view reply, std::size_t items) {
    auto rejected = std::min<std::uint64_t>(rejected_items(reply), items);
    if (rejected > 0 && !refusing_)
      log::warn("a collector refuses some of what it is sent",
                {{"signal", to_string(signal_)}, {"collector", collector_}, {"refused", rejected}});
    refusing_ = rejected > 0;
    if (std::exchange(in_trouble_, false))
      log::info("a collector takes what it is sent again",
                {{"signal", to_string(signal_)}, {"collector", collector_}});
    return rejected;
  }

  void trouble(const Outcome& outcome) {
    if (std::exchange(in_trouble_, true)) return;
    log::warn("a collector does not take what it is sent: it is lost",
              {{"signal", to_string(signal_)},
               {"collector", collector_},
               {"code", outcome.code},
               {"error", outcome.what}});
  }

  const Signal signal_;
  const std::chrono::milliseconds timeout_;
  const std::string collector_;
  GrpcChannel channel_;
  bool in_trouble_ = false, refusing_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool giving_up_ = false;  // guarded by mutex_
};

// A pipe that nobody reads must not keep us from ending: never more is written at once than poll(2)
// promises room for.
class LineDelivery final : public Delivery {
 public:
  explicit LineDelivery(int fd) : fd_(fd) {}

  std::size_t deliver(const std::string& request, std::size_t items) override {
    auto line = request + "\n";
    std::unique_lock lock(log::stdout_mutex(), std::defer_lock);
    while (!lock.try_lock_for(200ms))
      if (given_up()) return 0;
    return write(line) ? items : 0;
  }

  void give_up_at(Clock::time_point when) noexcept override {
    last_.store(when.time_since_epoch().count());
  }

 private:
  bool given_up() const { return Clock::now().time_since_epoch().count() >= last_.load(); }

  bool write(std::string_view rest) const {
    while (!rest.empty()) {
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (given_up()) return false;
      if (::poll(&ready, 1, 200) <= 0) continue;
      auto written = ::write(fd_, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
      if (written < 0 && errno != EINTR && errno != EAGAIN) return false;
      rest.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
    return true;
  }

  const int fd_;
  std::atomic<Clock::rep> last_{Clock::time_point::max().time_since_epoch().count()};
};

// Reads one varint; false: there is none.
bool read_varint(std::string_view& text, std::uint64_t& value) noexcept {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !text.empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace

std::string_view to_string(Signal signal) noexcept {
  switch (signal) {
    case Signal::traces: return "traces";
    case Signal::logs: return "logs";
    case Signal::metrics: return "metrics";
  }
  return "?";
}

// Field 1 of the reply is the message, field 1 of that the number. Fields come in their order.
std::uint64_t rejected_items(std::string_view reply) noexcept {
  constexpr std::uint64_t kMessage1 = 1 << 3 | 2, kNumber1 = 1 << 3 | 0;
  std::uint64_t key = 0, length = 0, number = 0;
  if (!read_varint(reply, key) || key != kMessage1 || !read_varint(reply, length)) return 0;
  if (length > reply.size()) return 0;
  reply = reply.substr(0, length);
  bool there = read_varint(reply, key) && key == kNumber1 && read_varint(reply, number);
  return there ? number : 0;
}

std::unique_ptr<Delivery> make_grpc_delivery(Signal signal, const OtlpOptions& options,
                                             std::string user_agent) {
  return std::make_unique<GrpcDelivery>(signal, options, std::move(user_agent));
}

std::unique_ptr<Delivery> make_line_delivery(int fd) {
  return std::make_unique<LineDelivery>(fd);
}

}  // namespace ncps::otlp
