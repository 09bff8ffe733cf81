#include "telemetry/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <iterator>
#include <memory>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "telemetry/current_span.h"
#include "telemetry/flood_lines.h"
#include "telemetry/json_text.h"
#include "telemetry/log_copy.h"
#include "telemetry/log_flood.h"
#include "telemetry/repeats.h"
#include "telemetry/stdout_mutex.h"

namespace ncps::log {
namespace {

using telemetry::append_json;

constexpr std::size_t kQueueLines = 4096;  // 2 MB, all of it from the start

constexpr auto kLastWords = std::chrono::seconds(2);  // of who stops, if nobody reads

// Whole lines, each in one write(2) that a pipe takes whole, if they are not long: who reads one gets whole
// lines, and nothing is left behind in a buffer if the process is killed.
void write_to_stdout(std::string_view lines) {
  std::lock_guard lock(stdout_mutex());
  while (!lines.empty()) {
    auto taken = ::write(STDOUT_FILENO, lines.data(), lines.size());
    if (taken < 0 && errno != EINTR) break;  // nobody can be told
    if (taken > 0) lines.remove_prefix(static_cast<std::size_t>(taken));
  }
}

class Stdout final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  std::atomic<std::uint64_t> written{0};  // lines

 private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    text_.assign(line.payload.data(), line.payload.size());
    text_.push_back('\n');
    write_to_stdout(text_);
    written.fetch_add(1, std::memory_order_relaxed);
  }
  void flush_() override {}

  std::string text_;
};

std::string render_within(Format format, Level level, double time, std::string_view message,
                          std::span<const Field> fields, const trace::SpanContext& within) {
  if (!within.valid()) return render(format, level, time, message, fields);
  auto trace_id = trace::print_hex(within.trace_id), span_id = trace::print_hex(within.span_id);
  std::vector<Field> all(fields.begin(), fields.end());
  all.emplace_back("trace_id", trace_id);
  all.emplace_back("span_id", span_id);
  return render(format, level, time, message, all);
}

double in_seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

struct Writer {
  Format format;
  std::shared_ptr<spdlog::details::thread_pool> thread =
      std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
  std::shared_ptr<Stdout> out = std::make_shared<Stdout>();
  std::shared_ptr<spdlog::async_logger> logger = std::make_shared<spdlog::async_logger>(
      "ncps", out, thread, spdlog::async_overflow_policy::overrun_oldest);
  std::atomic<std::uint64_t> given{0};  // lines
  Guarded<Repeats> repeats = {};
  std::atomic<Repeats::Time::rep> look_at{Repeats::Time::max().time_since_epoch().count()};

  FloodLines flood{[this](const UnmadeLine& line, std::string& to) { make(line, to); },
                   &write_to_stdout};

  explicit Writer(Format f) : format(f) { logger->set_level(spdlog::level::trace); }

  // A line of the flood goes where others go.
  void make(const UnmadeLine& line, std::string& to);

  void put(std::string_view line) {
    given.fetch_add(1, std::memory_order_relaxed);
    logger->log(spdlog::level::info, line);
  }
  bool all_written() const {
    return out->written.load() + thread->overrun_counter() >= given.load();
  }
  std::uint64_t dropped() const { return thread->overrun_counter() + flood.lost(); }
};

// Of lines. Dropped before: by writers of before.
std::atomic<std::uint64_t> dropped_before{0}, left_out_lines{0};

std::atomic<Level> lowest{Level::panic};
std::atomic<Writer*> writer{nullptr};

void append_value(std::string& out, const Field& field) {
  struct Append {
    std::string& out;
    void operator()(std::string_view text) const { append_json(out, text); }
    void operator()(std::int64_t n) const {
      fmt::format_int text(n);
      out.append(text.data(), text.size());
    }
    void operator()(double x) const { fmt::format_to(std::back_inserter(out), "{:.6g}", x); }
    void operator()(bool b) const { out.append(b ? "true" : "false"); }
  };
  std::visit(Append{out}, field.value);
}

// The second as lines have it, which most lines share with the one before.
std::string_view print_second(std::time_t second, Format format) {
  struct Printed {
    std::time_t second = -1;
    std::string text = {};
  };
  thread_local std::array<Printed, 2> printed;
  auto& last = printed[format == Format::json ? 0 : 1];
  if (last.second != second || last.text.empty()) {
    auto time = fmt::gmtime(second);
    last.text = format == Format::json ? fmt::format("{:%Y-%m-%dT%H:%M:%S}", time)
                                       : fmt::format("{:%H:%M:%S}", time);
    last.second = second;
  }
  return last.text;
}

void tell_left_out(Writer& to, Repeats::Time now, bool all) {
  auto told = to.repeats.with([&](Repeats& r) {
    auto due = r.left_out(now, all);
    to.look_at.store(r.next().time_since_epoch().count());
    return due;
  });
  for (const auto& one : told)
    to.put(render(to.format, Level::warn, in_seconds(std::chrono::system_clock::now()),
                  "lines were left out: the same came again and again",
                  {{"of", one.message}, {"lines", one.lines}}));
}

Repeats::Time tell_what_is_due(Writer& to) {
  auto now = std::chrono::steady_clock::now();
  if (now.time_since_epoch().count() >= to.look_at.load(std::memory_order_relaxed))
    tell_left_out(to, now, false);
  return now;
}

void Writer::make(const UnmadeLine& line, std::string& to) {
  auto now = tell_what_is_due(*this);
  using Wall = std::chrono::system_clock;
  auto time = Wall::now() - std::chrono::duration_cast<Wall::duration>(now - line.at);
  copy(line.level, time, line.message, line.fields(), line.within);
  to =
      render_within(format, line.level, in_seconds(time), line.message, line.fields(), line.within);
}

bool may_write(Writer& to, std::string_view message, std::span<const Field> fields,
               Repeats::Time now) {
  auto texts = std::hash<std::string_view>{}(message);
  for (const auto& field : fields)
    if (const auto* text = std::get_if<std::string_view>(&field.value))
      texts = texts * 31 + std::hash<std::string_view>{}(*text);
  return to.repeats.with([&](Repeats& r) {
    bool write = r.may_write(message, texts, now);
    to.look_at.store(r.next().time_since_epoch().count());
    return write;
  });
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
  constexpr std::size_t kUsual = 384;  // bytes
  std::string out;
  out.reserve(kUsual);
  if (format == Format::json) {
    out.append(R"({"level":")").append(to_string(level)).append(R"(","time":")");
    out.append(print_second(seconds, format)).push_back('.');
    for (int unit = 100; unit > 0; unit /= 10)
      out.push_back(static_cast<char>('0' + millis / unit % 10));
    out.append("Z\"");
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
    fmt::format_to(std::back_inserter(out), "{}.{:03} {:<5} {}", print_second(seconds, format),
                   millis, to_string(level), message);
    for (const auto& field : fields) {
      fmt::format_to(std::back_inserter(out), "  {}=", field.key);
      append_value(out, field);
    }
  }
  return out;
}

std::string render_here(Format format, Level level, double time, std::string_view message,
                        std::span<const Field> fields) {
  const auto* within = trace::current();
  return render_within(format, level, time, message, fields,
                       within != nullptr ? *within : trace::SpanContext());
}

void start(Level level, Format format) {
  writer.store(new Writer(format));
  lowest.store(level);
}

void set_level(Level level) {
  if (writer.load() != nullptr) lowest.store(level);
}

void stop() {
  lowest.store(Level::panic);
  auto* old = writer.exchange(nullptr);
  if (old == nullptr) return;
  tell_left_out(*old, std::chrono::steady_clock::now(), true);
  auto end = std::chrono::steady_clock::now() + kLastWords;
  old->flood.stop(kLastWords);
  while (!old->all_written() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  // Where nobody reads, the thread is in write(2) and cannot be joined: it ends with the process.
  bool joinable = old->all_written();
  dropped_before.fetch_add(old->dropped());
  if (joinable) old->thread.reset();  // the logger holds it weakly
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
  auto now = tell_what_is_due(*to);
  if (level >= Level::warn && !may_write(*to, message, fields, now)) {
    left_out_lines.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  auto time = std::chrono::system_clock::now();
  auto within = trace::here();
  copy(level, time, message, fields, within);
  to->put(render_within(to->format, level, in_seconds(time), message, fields, within));
}

bool has_room(Level level) {
  auto* to = writer.load(std::memory_order_acquire);
  return to != nullptr && enabled(level) && to->flood.has_room();
}

void write_if_room(Level level, std::string_view message, std::span<const Field> fields) {
  auto* to = writer.load(std::memory_order_acquire);
  if (to != nullptr) to->flood.put(level, message, fields);
}

void drain_flood() {
  if (auto* to = writer.load(std::memory_order_acquire)) to->flood.drain(kLastWords);
}

std::uint64_t dropped() noexcept {
  const auto* to = writer.load(std::memory_order_acquire);
  return dropped_before.load() + (to != nullptr ? to->dropped() : 0);
}

std::uint64_t left_out() noexcept {
  return left_out_lines.load(std::memory_order_relaxed);
}

}  // namespace ncps::log
