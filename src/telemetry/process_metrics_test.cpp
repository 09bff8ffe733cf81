#include "telemetry/process_metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <string>

namespace ncps::metrics {
namespace {

std::map<std::string, double> look(const Registry& registry) {
  std::map<std::string, double> values;
  for (const auto& family : registry.picture())
    for (const auto& sample : family.samples) values[family.name.name] = sample.value;
  return values;
}

TEST(ProcessMetrics, AreThoseOfThisProcess) {
  Registry registry;
  auto asked = ask_process(registry);
  auto values = look(registry);
  EXPECT_EQ(values.size(), 7u);
  auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch());
  EXPECT_LE(values["process_start_time_seconds"], now.count() + 2);
  EXPECT_GT(values["process_start_time_seconds"], now.count() - 3'600);
  EXPECT_GT(values["process_resident_memory_bytes"], 1 << 20);
  EXPECT_GT(values["process_virtual_memory_bytes"], values["process_resident_memory_bytes"]);
  EXPECT_GE(values["process_threads"], 1);
  EXPECT_GE(values["process_cpu_seconds_total"], 0);
  EXPECT_GT(values["process_max_fds"], values["process_open_fds"]);
  int fd = ::dup(0);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(look(registry)["process_open_fds"], values["process_open_fds"] + 1);
  ::close(fd);
}

}  // namespace
}  // namespace ncps::metrics
