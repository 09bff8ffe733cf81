#include "app/observe.h"

#include <algorithm>
#include <cstdlib>

#include "config/version.h"
#include "telemetry/log_copy.h"
#include "telemetry/log_flood.h"
#include "telemetry/span.h"

namespace ncps::app {
namespace {

constexpr auto kLastWords = std::chrono::seconds(3);  // to send what waits when we stop

std::optional<std::string> variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string_view name_of(db::DatabaseKind kind) {
  switch (kind) {
    case db::DatabaseKind::sqlite: return "sqlite";
    case db::DatabaseKind::postgresql: return "postgres";
    case db::DatabaseKind::mysql: return "mysql";
  }
  return "?";
}

// What the user says goes before what we know.
otlp::Speaker speaker(const otlp::OtlpOptions& options, const config::ServeOptions& serve) {
  auto attributes = options.resource;
  auto add = [&](const telemetry::ResourceAttribute& one) {
    auto same = [&](const telemetry::ResourceAttribute& other) { return other.key == one.key; };
    if (std::ranges::none_of(attributes, same)) attributes.push_back(one);
  };
  for (const auto& one : otlp::describe_process(config::kVersion)) add(one);
  add({"ncps.hostname", serve.hostname});
  add({"ncps.db_type", name_of(serve.database.kind)});
  add({"ncps.storage_type", serve.storage_s3 ? "s3" : "local"});
  return {.resource = std::move(attributes), .version = std::string(config::kVersion)};
}

}  // namespace

Observing::Observing(const otlp::OtlpOptions& options, const config::ServeOptions& serve,
                     metrics::Registry& registry)
    : exporter_(std::make_unique<otlp::Exporter>(
          options, speaker(options, serve), otlp::make_deliveries(options, config::user_agent()),
          registry)) {
  trace::start(options.sampler, exporter_->spans());
  // On stdout the lines are already.
  if (options.collector) log::copy_to(exporter_->logs());
}

Observing::~Observing() {
  stop();
}

void Observing::stop() {
  if (!exporter_) return;
  trace::stop();
  log::drain_flood();
  log::copy_to(nullptr);
  exporter_->stop(std::chrono::steady_clock::now() + kLastWords);
  exporter_.reset();
}

std::unique_ptr<Observing> observe(const config::ServeOptions& serve, metrics::Registry& registry) {
  if (!serve.otel) return nullptr;
  auto options = otlp::read_otlp_options(serve.collector, variable);
  for (const auto& warning : options.warnings) log::warn(warning);
  if (options.disabled) {
    log::info("OTEL_SDK_DISABLED: nothing is sent");
    return nullptr;
  }
  log::info("logs, metrics and traces are sent",
            {{"to", options.collector ? options.collector->str() : "stdout"},
             {"sampler", options.sampler.name()}});
  return std::make_unique<Observing>(options, serve, registry);
}

}  // namespace ncps::app
