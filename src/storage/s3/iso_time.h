// Points in time as S3, STS and the metadata services write them: "2026-11-22T12:00:00.000Z".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace ncps::s3 {

// UTC, with or without a fraction, which is dropped. Absent: anything else, also a date there is
// not.
std::optional<std::chrono::sys_seconds> parse_iso_time(std::string_view text);

}  // namespace ncps::s3
