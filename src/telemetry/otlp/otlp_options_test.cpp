#include "telemetry/otlp/otlp_options.h"

#include <gtest/gtest.h>

#include <map>

namespace ncps::otlp {
namespace {

using namespace std::chrono_literals;

OtlpOptions read(std::map<std::string, std::string, std::less<>> variables,
                 std::string_view url = "") {
  std::optional<telemetry::CollectorUrl> collector;
  if (!url.empty()) collector = telemetry::parse_collector_url(url).value();
  return read_otlp_options(collector, [&](std::string_view name) -> std::optional<std::string> {
    auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  });
}

std::string text_of(const telemetry::ResourceAttribute& attribute) {
  return attribute.key + "=" + std::get<std::string>(attribute.value);
}

TEST(OtlpOptions, WithoutAWordItIsStdoutAndTheStandardsNumbers) {
  auto options = read({});
  EXPECT_FALSE(options.collector);
  EXPECT_FALSE(options.disabled);
  EXPECT_EQ(options.timeout, 10s);
  EXPECT_EQ(options.spans.queue, 2048u);
  EXPECT_EQ(options.spans.batch, 512u);
  EXPECT_EQ(options.spans.delay, 5s);
  EXPECT_EQ(options.logs.delay, 1s);
  EXPECT_EQ(options.metric_interval, 60s);
  EXPECT_EQ(options.sampler.name(), "parentbased_always_on");
  ASSERT_EQ(options.resource.size(), 1u);
  EXPECT_EQ(text_of(options.resource[0]), "service.name=ncps");
  EXPECT_TRUE(options.warnings.empty());
}

TEST(OtlpOptions, TheOptionGoesBeforeTheVariable) {
  const std::string name = "OTEL_EXPORTER_OTLP_ENDPOINT";
  EXPECT_EQ(read({{name, "http://a:1"}}).collector->str(), "http://a:1");
  EXPECT_EQ(read({{name, "http://a:1"}}, "http://b:2").collector->str(), "http://b:2");
  auto wrong = read({{name, "http://secret@a/path"}});
  EXPECT_FALSE(wrong.collector);
  ASSERT_EQ(wrong.warnings.size(), 1u);
  EXPECT_EQ(wrong.warnings[0].find("secret"), std::string::npos);
}

TEST(OtlpOptions, TheStandardsVariables) {
  auto options =
      read({{"OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20abc, x-team = a=b"},
            {"OTEL_EXPORTER_OTLP_TIMEOUT", "2500"},
            {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"},
            {"OTEL_BSP_MAX_QUEUE_SIZE", "10"},
            {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100"},
            {"OTEL_BSP_SCHEDULE_DELAY", "100"},
            {"OTEL_BLRP_SCHEDULE_DELAY", "200"},
            {"OTEL_METRIC_EXPORT_INTERVAL", "300"},
            {"OTEL_TRACES_SAMPLER", "traceidratio"},
            {"OTEL_TRACES_SAMPLER_ARG", "0.5"},
            {"OTEL_SERVICE_NAME", "cache-1"},
            {"OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment=lab%2C1"},
            {"OTEL_SDK_DISABLED", "true"}});
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(options.headers, (Pairs{{"authorization", "Bearer abc"}, {"x-team", "a=b"}}));
  EXPECT_EQ(options.timeout, 2500ms);
  EXPECT_EQ(options.ca_file, "/etc/ca.pem");
  EXPECT_EQ(options.spans.queue, 10u);
  EXPECT_EQ(options.spans.batch, 10u);  // never more than fits
  EXPECT_EQ(options.spans.delay, 100ms);
  EXPECT_EQ(options.logs.delay, 200ms);
  EXPECT_EQ(options.metric_interval, 300ms);
  EXPECT_EQ(options.sampler.name(), "traceidratio");
  ASSERT_EQ(options.resource.size(), 2u);
  EXPECT_EQ(text_of(options.resource[0]), "service.name=cache-1");
  EXPECT_EQ(text_of(options.resource[1]), "deployment.environment=lab,1");
  EXPECT_TRUE(options.disabled);
  EXPECT_TRUE(options.warnings.empty());
}

TEST(OtlpOptions, WhatMakesNoSenseIsAWarningThatRepeatsNoSecret) {
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"OTEL_EXPORTER_OTLP_HEADERS", "hunter2"},
                                          {"OTEL_EXPORTER_OTLP_TIMEOUT", "0"},
                                          {"OTEL_BSP_MAX_QUEUE_SIZE", "-1"},
                                          {"OTEL_BSP_SCHEDULE_DELAY", "5s"},
                                          {"OTEL_BLRP_MAX_QUEUE_SIZE", "99999999999999999999"},
                                          {"OTEL_METRIC_EXPORT_INTERVAL", "hunter2"},
                                          {"OTEL_TRACES_SAMPLER", "jaeger_remote"},
                                          {"OTEL_RESOURCE_ATTRIBUTES", "a=%zz"}}) {
    auto options = read({{name, value}});
    ASSERT_EQ(options.warnings.size(), 1u) << name;
    EXPECT_TRUE(options.warnings[0].starts_with(name)) << options.warnings[0];
    EXPECT_EQ(options.warnings[0].find("hunter2"), std::string::npos);
    EXPECT_EQ(options.spans.queue, 2048u);
    EXPECT_TRUE(options.headers.empty());
    EXPECT_EQ(read({{name, ""}}).warnings.size(), 0u) << name;
  }
}

TEST(OtlpOptions, AHeaderCannotBringAnotherOneWithIt) {
  for (auto value :
       {"a=b%0d%0aX-Evil:1", "a%0d=b", "a=%00", "=b", "a:b=c", "a b=c", "a=%", "a=%4"}) {
    auto options = read({{"OTEL_EXPORTER_OTLP_HEADERS", value}});
    EXPECT_TRUE(options.headers.empty()) << value;
    EXPECT_EQ(options.warnings.size(), 1u) << value;
  }
}

}  // namespace
}  // namespace ncps::otlp
