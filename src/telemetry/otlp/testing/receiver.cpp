#include "telemetry/otlp/testing/receiver.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace ncps::otlp::testing {
namespace {

template <class Message>
bool decode(const grpc::ByteBuffer& bytes, Message& out) {
  grpc::Slice slice;
  return bytes.DumpToSingleSlice(&slice).ok() &&
         out.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
}

}  // namespace

class Receiver::Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(const std::optional<Certificate>& certificate) {
    grpc::ServerBuilder builder;
    std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
    if (certificate) {
      grpc::SslServerCredentialsOptions tls;
      tls.pem_key_cert_pairs.push_back(
          {.private_key = certificate->key, .cert_chain = certificate->chain});
      credentials = grpc::SslServerCredentials(tls);
    }
    builder.AddListeningPort("127.0.0.1:0", credentials, &port);
    builder.RegisterCallbackGenericService(this);
    server = builder.BuildAndStart();
  }

  ~Service() override {
    server->Shutdown(std::chrono::system_clock::now());
    server->Wait();
  }

  struct Reactor final : grpc::ServerGenericBidiReactor {
    Reactor(Service& of, grpc::GenericCallbackServerContext& context) : of(of), context(context) {
      StartRead(&request);
    }
    void OnReadDone(bool ok) override {
      if (!ok) return end({grpc::StatusCode::INTERNAL, "no message"});
      std::unique_lock lock(of.mutex);
      ++of.calls;
      if (of.hanging) return;  // until the client or the server gives up
      if (of.unavailable > 0) {
        --of.unavailable;
        return end({grpc::StatusCode::UNAVAILABLE, "away for a moment"});
      }
      if (of.code != 0) return end({static_cast<grpc::StatusCode>(of.code), "told to: 100%"});
      if (!of.take(context, request)) return end({grpc::StatusCode::INVALID_ARGUMENT, "?"});
      wire::Response response;
      if (of.rejected > 0) response.mutable_partial_success()->set_rejected(of.rejected);
      auto bytes = response.SerializeAsString();
      grpc::Slice slice(bytes);
      reply = grpc::ByteBuffer(&slice, 1);
      if (!ended.exchange(true)) StartWriteAndFinish(&reply, {}, grpc::Status::OK);
    }
    void OnCancel() override { end(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }

    void end(const grpc::Status& status) {
      if (!ended.exchange(true)) Finish(status);
    }

    std::atomic<bool> ended = false;
    Service& of;
    grpc::GenericCallbackServerContext& context;
    grpc::ByteBuffer request, reply;
  };

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Reactor(*this, *context);
  }

  bool take(grpc::GenericCallbackServerContext& context, const grpc::ByteBuffer& bytes) {
    metadata.clear();
    for (const auto& [name, value] : context.client_metadata())
      metadata.emplace(std::string(name.data(), name.size()),
                       std::string(value.data(), value.size()));
    const std::string prefix = "/opentelemetry.proto.collector.";
    bool good = false;
    if (context.method() == prefix + "trace.v1.TraceService/Export") {
      wire::TraceRequest message;
      good = decode(bytes, message);
      for (const auto& of : message.resource_spans()) {
        resource = of.resource();
        for (const auto& scope : of.scope_spans())
          spans.insert(spans.end(), scope.spans().begin(), scope.spans().end());
      }
    } else if (context.method() == prefix + "logs.v1.LogsService/Export") {
      wire::LogsRequest message;
      good = decode(bytes, message);
      for (const auto& of : message.resource_logs())
        for (const auto& scope : of.scope_logs())
          lines.insert(lines.end(), scope.log_records().begin(), scope.log_records().end());
    } else if (context.method() == prefix + "metrics.v1.MetricsService/Export") {
      wire::MetricsRequest message;
      good = decode(bytes, message);
      for (const auto& of : message.resource_metrics())
        for (const auto& scope : of.scope_metrics())
          for (const auto& metric : scope.metrics()) metrics[metric.name()] = metric;
    }
    changed.notify_all();
    return good;
  }

  template <class Items>
  Items wait(const Items& items, std::size_t at_least) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::minutes(1), [&] { return items.size() >= at_least; });
    return items;
  }

  std::mutex mutex;
  std::condition_variable changed;
  int port = 0, calls = 0, code = 0, unavailable = 0, rejected = 0;
  bool hanging = false;
  std::vector<wire::Span> spans;
  std::vector<wire::LogRecord> lines;
  std::map<std::string, wire::Metric> metrics;
  wire::Resource resource;
  std::multimap<std::string, std::string> metadata;
  std::unique_ptr<grpc::Server> server;
};

Receiver::Receiver(const std::optional<Certificate>& certificate)
    : service_(std::make_unique<Service>(certificate)) {}

Receiver::~Receiver() = default;

std::string Receiver::address() const {
  return "127.0.0.1:" + std::to_string(service_->port);
}

void Receiver::answer(int code, int unavailable_before) {
  std::lock_guard lock(service_->mutex);
  service_->code = code;
  service_->unavailable = unavailable_before;
  service_->hanging = false;
}

void Receiver::hang() {
  std::lock_guard lock(service_->mutex);
  service_->hanging = true;
}

void Receiver::reject(int items) {
  std::lock_guard lock(service_->mutex);
  service_->rejected = items;
}

std::vector<wire::Span> Receiver::spans(std::size_t at_least) {
  return service_->wait(service_->spans, at_least);
}

std::vector<wire::LogRecord> Receiver::lines(std::size_t at_least) {
  return service_->wait(service_->lines, at_least);
}

std::map<std::string, wire::Metric> Receiver::metrics(std::size_t at_least) {
  return service_->wait(service_->metrics, at_least);
}

wire::Resource Receiver::resource() {
  std::lock_guard lock(service_->mutex);
  return service_->resource;
}

std::multimap<std::string, std::string> Receiver::metadata() {
  std::lock_guard lock(service_->mutex);
  return service_->metadata;
}

int Receiver::calls() {
  std::lock_guard lock(service_->mutex);
  return service_->calls;
}

}  // namespace ncps::otlp::testing
