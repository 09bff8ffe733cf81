// Durations as Go writes them: "300ms", "1.5h", "1h30m", "0".
//
// Source: Go, time.ParseDuration; the units are ns, us (or µs), ms, s, m, h.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps {

// Errors: invalid, with what would be right: negative ones, a number without unit, what does not
// fit.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// Rounded to milliseconds: what the rest of the program waits in.
Result<std::chrono::milliseconds> parse_duration_ms(std::string_view text);

std::string print_duration(std::chrono::milliseconds duration);  // "1h30m0s", "300ms"

}  // namespace ncps
