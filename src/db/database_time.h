// A point in time as databases write it: UTC, without a zone. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace ncps::db {

using Time = std::chrono::sys_seconds;

// "2025-01-02 03:04:05", also with a 'T', a fraction (dropped) and an offset from UTC ("Z", "+01",
// " +0100 CET", "-05:30"): as SQLite, PostgreSQL, MySQL and the Go program's drivers write it.
// Absent: none of these.
std::optional<Time> parse_time(std::string_view text);

// "2025-01-02 03:04:05"
std::string print_time(Time time);

}  // namespace ncps::db
