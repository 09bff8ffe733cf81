#include "telemetry/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

namespace ncps::metrics {
namespace {

std::vector<Sample> one(std::optional<double> value) {
  if (!value) return {};
  return {{.labels = {}, .value = *value, .buckets = {}}};
}

// Of /proc/self/stat the field of that number, counted from 1 as proc(5) does; from 4 on.
std::optional<double> stat_field(int number) {
  std::ifstream file("/proc/self/stat");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  auto name_end = text.rfind(')');  // the second field may hold anything
  if (name_end == text.npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int i = 2; i < number; ++i)
    if (!(fields >> field)) return std::nullopt;
  return std::strtod(field.c_str(), nullptr);
}

double ticks() {
  return static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::optional<double> cpu_seconds() {
  auto user = stat_field(14), system = stat_field(15);
  if (!user || !system) return std::nullopt;
  return (*user + *system) / ticks();
}

std::optional<double> resident_bytes() {
  auto pages = stat_field(24);
  if (!pages) return std::nullopt;
  return *pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

std::optional<double> start_seconds() {
  auto after_boot = stat_field(22);
  if (!after_boot) return std::nullopt;
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;)
    if (double boot = 0; word == "btime" && file >> boot) return boot + *after_boot / ticks();
  return std::nullopt;
}

std::optional<double> open_descriptors() {
  std::error_code ec;
  std::filesystem::directory_iterator all("/proc/self/fd", ec);
  if (ec) return std::nullopt;
  double count = 0;
  for (; all != std::filesystem::directory_iterator(); all.increment(ec)) {
    if (ec) return std::nullopt;
    ++count;
  }
  return count - 1;  // the one of this look
}

std::optional<double> most_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

std::vector<Registry::Asked> ask_process(Registry& registry) {
  std::vector<Registry::Asked> asked;
  auto ask = [&](const char* name, const char* help, Type type, std::optional<double> (*read)()) {
    Registry::Read all = [read] { return one(read()); };
    asked.push_back(registry.ask({name, help}, type, std::move(all)));
  };
  ask("process_cpu_seconds_total", "CPU time that this process has used", Type::counter,
      cpu_seconds);
  ask("process_resident_memory_bytes", "Memory of this process that is in RAM", Type::gauge,
      resident_bytes);
  ask("process_virtual_memory_bytes", "Address space of this process", Type::gauge,
      [] { return stat_field(23); });
  ask("process_threads", "Threads of this process", Type::gauge, [] { return stat_field(20); });
  ask("process_start_time_seconds", "When this process began, in seconds since 1970", Type::gauge,
      start_seconds);
  ask("process_open_fds", "Descriptors that are open", Type::gauge, open_descriptors);
  ask("process_max_fds", "Descriptors that may be open", Type::gauge, most_descriptors);
  return asked;
}

}  // namespace ncps::metrics
