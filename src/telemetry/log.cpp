#include "telemetry/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <iterator>
#include <memory>
#include <vector>

#include "telemetry/log_copy.h"
#include "telemetry/span.h"
#include "telemetry/utf8.h"

namespace ncps::log {
namespace {

constexpr std::size_t kQueueLines = 8192;

struct Writer {
  Format format;
  std::shared_ptr<spdlog::details::thread_pool> thread =
      std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
  std::shared_ptr<spdlog::async_logger> logger = std::make_shared<spdlog::async_logger>(
      "ncps", std::make_shared<spdlog::sinks::stdout_sink_mt>(), thread,
      spdlog::async_overflow_policy::overrun_oldest);
};

std::atomic<Level> lowest{Level::panic};
std::atomic<Writer*> writer{nullptr};

// JSON string (RFC 8259). What is not UTF-8 becomes U+FFFD: upstreams send whatever they like.
void append_json(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    char c = text.front();
    auto byte = static_cast<unsigned char>(c);
    auto length = telemetry::utf8_character(text);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out.append(length == 0 ? "\\ufffd" : text.substr(0, length));
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  out.push_back('"');
}

void append_value(std::string& out, const Field& field) {
  struct Append {
    std::string& out;
    void operator()(std::string_view text) const { append_json(out, text); }
    void operator()(std::int64_t n) const { fmt::format_to(std::back_inserter(out), "{}", n); }
    void operator()(double x) const { fmt::format_to(std::back_inserter(out), "{:.6g}", x); }
    void operator()(bool b) const { out.append(b ? "true" : "false"); }
  };
  std::visit(Append{out}, field.value);
}

}  // namespace

std::string_view to_string(Level level) noexcept {
  switch (level) {
    case Level::trace: return "trace";
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warn";
    case Level::error: return "error";
    case Level::fatal: return "fatal";
    case Level::panic: return "panic";
  }
  return "?";
}

std::string render(Format format, Level level, double time, std::string_view message,
                   std::span<const Field> fields) {
  auto seconds = static_cast<std::time_t>(std::floor(time));
  auto millis = static_cast<int>((time - std::floor(time)) * 1000);
  std::string out;
  if (format == Format::json) {
    fmt::format_to(std::back_inserter(out),
                   R"({{"level":"{}","time":"{:%Y-%m-%dT%H:%M:%S}.{:03}Z")", to_string(level),
                   fmt::gmtime(seconds), millis);
    for (const auto& field : fields) {
      out.push_back(',');
      append_json(out, field.key);
      out.push_back(':');
      append_value(out, field);
    }
    out.append(R"(,"message":)");
    append_json(out, message);
    out.push_back('}');
  } else {
    fmt::format_to(std::back_inserter(out), "{:%H:%M:%S}.{:03} {:<5} {}", fmt::gmtime(seconds),
                   millis, to_string(level), message);
    for (const auto& field : fields) {
      fmt::format_to(std::back_inserter(out), "  {}=", field.key);
      append_value(out, field);
    }
  }
  return out;
}

// With the span that it is written in.
std::string render_here(Format format, Level level, double time, std::string_view message,
                        std::span<const Field> fields) {
  const auto* within = trace::current();
  if (within == nullptr) return render(format, level, time, message, fields);
  auto trace_id = trace::print_hex(within->trace_id), span_id = trace::print_hex(within->span_id);
  std::vector<Field> all(fields.begin(), fields.end());
  all.emplace_back("trace_id", trace_id);
  all.emplace_back("span_id", span_id);
  return render(format, level, time, message, all);
}

void start(Level level, Format format) {
  auto* fresh = new Writer{.format = format};
  fresh->logger->set_pattern("%v");
  fresh->logger->set_level(spdlog::level::trace);
  fresh->logger->flush_on(spdlog::level::trace);
  writer.store(fresh);
  lowest.store(level);
}

void set_level(Level level) {
  if (writer.load() != nullptr) lowest.store(level);
}

void stop() {
  lowest.store(Level::panic);
  auto* old = writer.exchange(nullptr);
  if (old == nullptr) return;
  old->logger->flush();
  old->thread.reset();  // the logger holds it weakly: this waits for the queue to be written
  // `old` itself stays, and in reach of leak checkers: a late caller may still hold the pointer.
  static auto* retired = new std::vector<Writer*>;
  retired->push_back(old);
}

bool enabled(Level level) noexcept {
  return level >= lowest.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, std::span<const Field> fields) {
  auto* to = writer.load(std::memory_order_acquire);
  if (to == nullptr) return;
  auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch());
  copy(level, message, fields);
  to->logger->log(spdlog::level::info,
                  render_here(to->format, level, now.count(), message, fields));
}

}  // namespace ncps::log
