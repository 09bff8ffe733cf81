// The beginning of a point in time as text: "2025-01-02 03:04:05", whatever follows it. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace ncps {

inline constexpr std::size_t kDateTextLength = 19;

// `between` stands between date and time, one of these characters. Absent: not of that shape, or a
// date that there is not.
std::optional<std::chrono::sys_seconds> parse_date_text(std::string_view text,
                                                        std::string_view between);

}  // namespace ncps
