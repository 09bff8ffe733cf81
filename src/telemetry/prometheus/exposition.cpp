#include "telemetry/prometheus/exposition.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <sstream>

namespace ncps::metrics {
namespace {

prometheus::MetricType type_of(Type type) {
  switch (type) {
    case Type::counter: return prometheus::MetricType::Counter;
    case Type::gauge: return prometheus::MetricType::Gauge;
    case Type::histogram: return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric::Histogram histogram_of(const Family& family, const Sample& sample) {
  prometheus::ClientMetric::Histogram out;
  for (std::size_t i = 0; i < sample.buckets.size(); ++i) {
    auto bound =
        i < family.bounds.size() ? family.bounds[i] : std::numeric_limits<double>::infinity();
    out.bucket.push_back({.cumulative_count = sample.buckets[i], .upper_bound = bound});
  }
  out.sample_count = sample.buckets.empty() ? 0 : sample.buckets.back();
  out.sample_sum = sample.value;
  return out;
}

prometheus::ClientMetric metric_of(const Family& family, const Sample& sample) {
  prometheus::ClientMetric out;
  for (const auto& [name, value] : sample.labels) out.label.push_back({name, value});
  switch (family.type) {
    case Type::counter: out.counter.value = sample.value; break;
    case Type::gauge: out.gauge.value = sample.value; break;
    case Type::histogram: out.histogram = histogram_of(family, sample); break;
  }
  return out;
}

}  // namespace

std::string prometheus_text(const std::vector<Family>& families) {
  std::vector<prometheus::MetricFamily> all;
  for (const auto& family : families) {
    prometheus::MetricFamily out;
    out.name = family.name.name;
    out.help = family.name.help;
    out.type = type_of(family.type);
    for (const auto& sample : family.samples) out.metric.push_back(metric_of(family, sample));
    all.push_back(std::move(out));
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, all);
  return std::move(text).str();
}

}  // namespace ncps::metrics
