#include "telemetry/prometheus/exposition.h"

#include <gtest/gtest.h>

namespace ncps::metrics {
namespace {

TEST(PrometheusText, HasNamesTypesHelpAndEscapedLabels) {
  Registry registry;
  registry.counter({"a_total", "How often"}, {{"upstream", "https://x/\"y\"\\z\n"}}).add(7);
  registry.gauge({"b_bytes", "How much"}).add(-2);
  auto text = prometheus_text(registry.picture());
  EXPECT_EQ(text,
            "# HELP a_total How often\n# TYPE a_total counter\n"
            "a_total{upstream=\"https://x/\\\"y\\\"\\\\z\\n\"} 7\n"
            "# HELP b_bytes How much\n# TYPE b_bytes gauge\nb_bytes -2\n");
}

TEST(PrometheusText, AHistogramHasAllItsBucketsAndAnEnd) {
  Registry registry;
  auto histogram = registry.histogram({"c_seconds", "How long"}, {0.5, 1}, {{"object", "nar"}});
  histogram.observe(0.25);
  histogram.observe(4);
  auto text = prometheus_text(registry.picture());
  for (auto line : {"c_seconds_count{object=\"nar\"} 2\n", "c_seconds_sum{object=\"nar\"} 4.25\n",
                    "c_seconds_bucket{object=\"nar\",le=\"0.5\"} 1\n",
                    "c_seconds_bucket{object=\"nar\",le=\"1\"} 1\n",
                    "c_seconds_bucket{object=\"nar\",le=\"+Inf\"} 2\n"})
    EXPECT_NE(text.find(line), text.npos) << line << "in\n" << text;
}

// Doubles hold whole numbers up to 2^53: bytes of a large cache are exact.
TEST(PrometheusText, LargeNumbersAreWhole) {
  Registry registry;
  registry.counter({"a_total", "x"}).add(123'456'789'012'345);
  auto text = prometheus_text(registry.picture());
  EXPECT_NE(text.find("a_total 123456789012345\n"), text.npos) << text;
}

}  // namespace
}  // namespace ncps::metrics
