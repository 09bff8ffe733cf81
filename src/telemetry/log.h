// The log: one line per event, JSON on a pipe, readable text on a terminal.
//
//   log::info("narinfo kept", {{"hash", hash}, {"upstream", url}});
//
// Lines are handed to one writer thread through a bounded queue: a log call never waits for the
// reader of stdout; when the queue is full the oldest lines are dropped, and counted. Warnings and
// errors that come again and again are left out, and counted (repeats.h). Secrets never go into
// fields: whoever logs a URL passes it through masked_url() (upstream/upstream_url.h) first. Thread-safe.
// Before start() and after stop() lines go nowhere.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace ncps::log {

enum class Level : std::uint8_t { trace, debug, info, warn, error, fatal, panic };

struct Field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <class Int>
    requires std::is_integral_v<Int> && (!std::is_same_v<Int, bool>)
  Field(std::string_view k, Int v) : key(k), value(static_cast<std::int64_t>(v)) {}
};
using Fields = std::initializer_list<Field>;

enum class Format : std::uint8_t { json, console };

// Begins to write lines of `level` and above to stdout. Call once, from main.
void start(Level level, Format format);

// Changes the level of a log that has been started.
void set_level(Level level);

// Writes what is queued and ends the writer thread. Where nobody reads stdout it gives up after 2 s.
void stop();

// Lines since the start that were lost because stdout was not read in time; and those that were left
// out because the same came again and again.
std::uint64_t dropped() noexcept;
std::uint64_t left_out() noexcept;

bool enabled(Level level) noexcept;
void write(Level level, std::string_view message, std::span<const Field> fields);
inline void write(Level level, std::string_view message, Fields fields) {
  write(level, message, std::span(fields.begin(), fields.size()));
}

inline void debug(std::string_view message, Fields fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  if (enabled(Level::info)) write(Level::info, message, fields);
}
inline void warn(std::string_view message, Fields fields = {}) {
  if (enabled(Level::warn)) write(Level::warn, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  if (enabled(Level::error)) write(Level::error, message, fields);
}

// One line, without the newline: the pure part, for tests. `time` is seconds since the epoch.
std::string render(Format format, Level level, double time, std::string_view message,
                   std::span<const Field> fields);
inline std::string render(Format format, Level level, double time, std::string_view message,
                          Fields fields) {
  return render(format, level, time, message, std::span(fields.begin(), fields.size()));
}

// The same, and the span that this thread works in, if there is one: trace_id and span_id.
std::string render_here(Format format, Level level, double time, std::string_view message,
                        std::span<const Field> fields);

std::string_view to_string(Level level) noexcept;

}  // namespace ncps::log
