#include "telemetry/otlp/exporter.h"

#include <pthread.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "telemetry/low_priority.h"

namespace ncps::otlp {
namespace {

using Clock = std::chrono::steady_clock;

// Between two batches of a signal: so 10,240 a second at most, by default. What a flood of hits has to
// say beyond that is lost, so that it does not take the processors from the hits.
constexpr auto kPause = std::chrono::milliseconds(50);

std::uint64_t now_ns() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
}

// What became of the items of one signal.
struct Tally {
  Tally(metrics::Registry& registry, Signal signal)
      : sent(registry.counter({"ncps_otlp_sent_total", "What a collector has taken"},
                              {{"signal", std::string(to_string(signal))}})),
        lost(registry.counter(
            {"ncps_otlp_lost_total", "What no collector has taken, or there was no room for"},
            {{"signal", std::string(to_string(signal))}})) {}
  metrics::Counter sent, lost;
};

}  // namespace

struct Exporter::Impl {
  Impl(const OtlpOptions& options, Speaker who, Deliveries to, metrics::Registry& what)
      : form(options.collector ? Form::protobuf : Form::json),
        interval(options.metric_interval),
        speaker(std::move(who)),
        deliveries(std::move(to)),
        registry(what) {}

  const Form form;
  const std::chrono::milliseconds interval;
  const Speaker speaker;
  const Deliveries deliveries;
  metrics::Registry& registry;
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;  // guarded by mutex
  std::vector<std::thread> threads;

  // Until the queue is closed and empty.
  template <class T>
  void carry(telemetry::ExportQueue<T>& queue, std::chrono::milliseconds delay, Delivery& delivery,
             const Tally& tally) {
    telemetry::
        give_way();  // unlike who looks at the metrics: those who count have locks in common with him
    std::uint64_t counted = 0;
    for (;;) {
      auto items = queue.take(Clock::now() + delay);
      if (!items.empty()) {
        auto taken = delivery.deliver(request(form, speaker, items), items.size());
        tally.sent.add(taken);
        queue.lost(items.size() - taken);
      }
      auto dropped = queue.dropped();
      tally.lost.add(dropped - std::exchange(counted, dropped));
      if (items.empty() && queue.closed() && queue.size() == 0) return;
      std::unique_lock lock(mutex);
      changed.wait_for(lock, kPause, [&] { return stopping; });
    }
  }

  void carry_metrics(const Tally& tally) {
    const auto start = now_ns();
    for (bool last = false; !last;) {
      {
        std::unique_lock lock(mutex);
        last = changed.wait_for(lock, interval, [&] { return stopping; });
      }
      Picture picture{.families = registry.picture(), .start_ns = start, .time_ns = now_ns()};
      std::erase_if(picture.families, [](const auto& family) { return family.samples.empty(); });
      auto items = picture.families.size();
      auto taken = deliveries.metrics->deliver(request(form, speaker, picture), items);
      tally.sent.add(taken);
      tally.lost.add(items - taken);
    }
  }

  template <class Function>
  void run(const char* name, Function function) {
    threads.emplace_back([name, function = std::move(function)] {
      pthread_setname_np(pthread_self(), name);
      function();
    });
  }
};

Deliveries make_deliveries(const OtlpOptions& options, const std::string& user_agent) {
  Deliveries to;
  if (options.collector) {
    to.traces = make_grpc_delivery(Signal::traces, options, user_agent);
    to.logs = make_grpc_delivery(Signal::logs, options, user_agent);
    to.metrics = make_grpc_delivery(Signal::metrics, options, user_agent);
  } else {
    to.traces = make_line_delivery(STDOUT_FILENO);
    to.logs = make_line_delivery(STDOUT_FILENO);
    to.metrics = make_line_delivery(STDOUT_FILENO);
  }
  return to;
}

Exporter::Exporter(const OtlpOptions& options, Speaker speaker, Deliveries deliveries,
                   metrics::Registry& registry)
    : spans_(std::make_shared<trace::SpanQueue>(options.spans.queue, options.spans.batch)),
      logs_(std::make_shared<LogQueue>(options.logs.queue, options.logs.batch)),
      impl_(std::make_unique<Impl>(options, std::move(speaker), std::move(deliveries), registry)) {
  auto* impl = impl_.get();
  Tally traces(registry, Signal::traces), logs(registry, Signal::logs),
      numbers(registry, Signal::metrics);
  impl->run("otlp-traces", [impl, queue = spans_, delay = options.spans.delay, traces] {
    impl->carry(*queue, delay, *impl->deliveries.traces, traces);
  });
  impl->run("otlp-logs", [impl, queue = logs_, delay = options.logs.delay, logs] {
    impl->carry(*queue, delay, *impl->deliveries.logs, logs);
  });
  impl->run("otlp-metrics", [impl, numbers] { impl->carry_metrics(numbers); });
}

Exporter::~Exporter() {
  stop(Clock::now() + std::chrono::seconds(1));
}

void Exporter::stop(Clock::time_point until) {
  if (impl_->threads.empty()) return;
  impl_->deliveries.traces->give_up_at(until);
  impl_->deliveries.logs->give_up_at(until);
  impl_->deliveries.metrics->give_up_at(until);
  spans_->close();
  logs_->close();
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  for (auto& thread : impl_->threads) thread.join();
  impl_->threads.clear();
}

std::vector<telemetry::ResourceAttribute> describe_process(std::string_view version) {
  std::vector<telemetry::ResourceAttribute> out;
  out.emplace_back("service.version", version);
  out.emplace_back("telemetry.sdk.name", "ncps");
  out.emplace_back("telemetry.sdk.language", "cpp");
  out.emplace_back("telemetry.sdk.version", version);
  char host[256] = "";
  if (::gethostname(host, sizeof host - 1) == 0 && host[0] != '\0')
    out.emplace_back("host.name", static_cast<const char*>(host));
  out.emplace_back("os.type", "linux");
  out.emplace_back("process.pid", static_cast<std::int64_t>(::getpid()));
  out.emplace_back("process.executable.name", "ncps");
  return out;
}

}  // namespace ncps::otlp
