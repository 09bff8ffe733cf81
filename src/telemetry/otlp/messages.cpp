#include "telemetry/otlp/messages.h"

#include <array>
#include <cmath>
#include <variant>

#include "telemetry/otlp/writers.h"

namespace ncps::otlp {
namespace {

using telemetry::Attribute;
using telemetry::BasicAttribute;

constexpr int kCumulative = 2;                 // AggregationTemporality
constexpr int kError = 2;                      // Status.code
constexpr double kExact = 9007199254740992.0;  // integers below 2^53 are exact as doubles

template <class Writer>
struct WriteValue {
  Writer& w;
  void operator()(const std::string& text) const { w.text({1, "stringValue"}, text); }
  void operator()(bool b) const { w.boolean({2, "boolValue"}, b); }
  void operator()(std::int64_t n) const {
    if constexpr (std::is_same_v<Writer, JsonWriter>) {
      w.signed_fixed64({3, "intValue"}, n);  // a string there, as all of 64 bits are
    } else {
      w.number({3, "intValue"}, n);
    }
  }
  void operator()(double x) const { w.real({4, "doubleValue"}, x); }
};

template <class Writer, class Key>
void write_attribute(Writer& w, const BasicAttribute<Key>& attribute) {
  w.text({1, "key"}, attribute.key);
  w.message({2, "value"}, [&](Writer& v) { std::visit(WriteValue<Writer>{v}, attribute.value); });
}

template <class Writer, class Key>
void write_attributes(Writer& w, unsigned number,
                      const std::vector<BasicAttribute<Key>>& attributes) {
  if (attributes.empty()) return;
  w.list({number, "attributes"}, attributes, write_attribute<Writer, Key>);
}

template <class Writer>
void write_labels(Writer& w, unsigned number, const metrics::Labels& labels) {
  if (labels.empty()) return;
  auto each = [](Writer& v, const std::pair<std::string, std::string>& label) {
    write_attribute(v, Attribute(label.first, label.second));
  };
  w.list({number, "attributes"}, labels, each);
}

template <class Writer>
void write_span(Writer& w, const std::unique_ptr<trace::SpanData>& span) {
  w.id({1, "traceId"}, span->context.trace_id);
  w.id({2, "spanId"}, span->context.span_id);
  if (span->context.state) w.text({3, "traceState"}, *span->context.state);
  if (span->parent != trace::SpanId{}) w.id({4, "parentSpanId"}, span->parent);
  w.text({5, "name"}, span->name);
  w.number({6, "kind"}, static_cast<int>(span->kind));
  w.fixed64({7, "startTimeUnixNano"}, span->start_ns);
  w.fixed64({8, "endTimeUnixNano"}, span->end_ns);
  write_attributes(w, 9, span->attributes);
  if (span->failed) {
    w.message({15, "status"}, [&](Writer& status) {
      if (!span->failure.empty()) status.text({2, "message"}, span->failure);
      status.number({3, "code"}, kError);
    });
  }
  w.fixed32({16, "flags"}, 1);  // sampled, or it would not be here
}

// The numbers of the log data model: four for each of its six levels.
int severity(log::Level level) {
  switch (level) {
    case log::Level::trace: return 1;
    case log::Level::debug: return 5;
    case log::Level::info: return 9;
    case log::Level::warn: return 13;
    case log::Level::error: return 17;
    case log::Level::fatal: return 21;
    case log::Level::panic: return 22;
  }
  return 0;
}

template <class Writer>
void write_log(Writer& w, const telemetry::LogRecord& record) {
  w.fixed64({1, "timeUnixNano"}, record.time_ns);
  w.fixed64({11, "observedTimeUnixNano"}, record.time_ns);
  w.number({2, "severityNumber"}, severity(record.level));
  w.text({3, "severityText"}, log::to_string(record.level));
  w.message({5, "body"}, [&](Writer& body) { body.text({1, "stringValue"}, record.message); });
  write_attributes(w, 6, record.attributes);
  if (!record.context.valid()) return;
  w.fixed32({8, "flags"}, record.context.sampled ? 1 : 0);
  w.id({9, "traceId"}, record.context.trace_id);
  w.id({10, "spanId"}, record.context.span_id);
}

// What counts whole things is sent as such.
template <class Writer>
void write_number(Writer& w, double value) {
  if (std::floor(value) == value && std::abs(value) < kExact) {
    w.signed_fixed64({6, "asInt"}, static_cast<std::int64_t>(value));
  } else {
    w.real({4, "asDouble"}, value);
  }
}

template <class Writer>
void write_histogram_point(Writer& w, const metrics::Family& family,
                           const metrics::Sample& sample) {
  std::vector<std::uint64_t> each;  // not cumulative there
  each.reserve(sample.buckets.size());
  std::uint64_t before = 0;
  for (auto count : sample.buckets) each.push_back(count - std::exchange(before, count));
  w.fixed64({4, "count"}, before);
  w.real({5, "sum"}, sample.value);
  w.fixed64s({6, "bucketCounts"}, each);
  w.reals({7, "explicitBounds"}, family.bounds);
  write_labels(w, 9, sample.labels);
}

template <class Writer>
void write_metric(Writer& w, const metrics::Family& family, const Picture& picture) {
  w.text({1, "name"}, family.name.name);
  w.text({2, "description"}, family.name.help);
  auto times = [&](Writer& point) {
    if (family.type != metrics::Type::gauge)
      point.fixed64({2, "startTimeUnixNano"}, picture.start_ns);
    point.fixed64({3, "timeUnixNano"}, picture.time_ns);
  };
  auto number = [&](Writer& point, const metrics::Sample& sample) {
    times(point);
    write_number(point, sample.value);
    write_labels(point, 7, sample.labels);
  };
  auto histogram = [&](Writer& point, const metrics::Sample& sample) {
    times(point);
    write_histogram_point(point, family, sample);
  };
  switch (family.type) {
    case metrics::Type::gauge:
      return w.message({5, "gauge"},
                       [&](Writer& v) { v.list({1, "dataPoints"}, family.samples, number); });
    case metrics::Type::counter:
      return w.message({7, "sum"}, [&](Writer& v) {
        v.list({1, "dataPoints"}, family.samples, number);
        v.number({2, "aggregationTemporality"}, kCumulative);
        v.boolean({3, "isMonotonic"}, true);
      });
    case metrics::Type::histogram:
      return w.message({9, "histogram"}, [&](Writer& v) {
        v.list({1, "dataPoints"}, family.samples, histogram);
        v.number({2, "aggregationTemporality"}, kCumulative);
      });
  }
}

// The frame that all three have: resource, scope, items.
template <class Writer, class Items>
std::string frame(const Speaker& speaker, Tag resources, Tag scopes, Items items) {
  const std::array one = {0};
  Writer w;
  w.list(resources, one, [&](Writer& resource, int) {
    resource.message({1, "resource"}, [&](Writer& v) { write_attributes(v, 1, speaker.resource); });
    resource.list(scopes, one, [&](Writer& scope, int) {
      scope.message({1, "scope"}, [&](Writer& v) {
        v.text({1, "name"}, "ncps");
        v.text({2, "version"}, speaker.version);
      });
      items(scope);
    });
  });
  return std::move(w).take();
}

template <class Writer>
std::string traces(const Speaker& speaker, const Spans& spans) {
  auto items = [&](Writer& w) { w.list({2, "spans"}, spans, write_span<Writer>); };
  return frame<Writer>(speaker, {1, "resourceSpans"}, {2, "scopeSpans"}, items);
}

template <class Writer>
std::string lines(const Speaker& speaker, const Logs& logs) {
  auto items = [&](Writer& w) { w.list({2, "logRecords"}, logs, write_log<Writer>); };
  return frame<Writer>(speaker, {1, "resourceLogs"}, {2, "scopeLogs"}, items);
}

template <class Writer>
std::string numbers(const Speaker& speaker, const Picture& picture) {
  auto each = [&](Writer& w, const metrics::Family& family) { write_metric(w, family, picture); };
  auto items = [&](Writer& w) { w.list({2, "metrics"}, picture.families, each); };
  return frame<Writer>(speaker, {1, "resourceMetrics"}, {2, "scopeMetrics"}, items);
}

}  // namespace

std::string request(Form form, const Speaker& speaker, const Spans& spans) {
  return form == Form::json ? traces<JsonWriter>(speaker, spans)
                            : traces<ProtobufWriter>(speaker, spans);
}

std::string request(Form form, const Speaker& speaker, const Logs& logs) {
  return form == Form::json ? lines<JsonWriter>(speaker, logs)
                            : lines<ProtobufWriter>(speaker, logs);
}

std::string request(Form form, const Speaker& speaker, const Picture& picture) {
  return form == Form::json ? numbers<JsonWriter>(speaker, picture)
                            : numbers<ProtobufWriter>(speaker, picture);
}

}  // namespace ncps::otlp
