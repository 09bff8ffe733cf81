// The Range header of a request, decided against the size of what is asked for.
//
// Source: RFC 9110 section 14. One byte range is honoured; several, another unit or a malformed
// header are ignored, as the RFC allows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ncps::http {

struct ByteRange {
  std::uint64_t first;  // bytes from the beginning
  std::uint64_t last;   // inclusive, < size
  std::uint64_t length() const noexcept { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// What the header asks for, as long as nobody knows the size: from `first` to `last`, or to the end;
// without `first`: the last `last` bytes.
struct AskedRange {
  std::optional<std::uint64_t> first;
  std::uint64_t last = 0;  // the largest number: no end is given
  friend bool operator==(const AskedRange&, const AskedRange&) = default;
};

// nullopt: all of it, because the header is empty, or ignored.
std::optional<AskedRange> parse_range(std::string_view header);

enum class RangeAnswer : std::uint8_t { whole, part, unsatisfiable };

struct RangeDecision {
  RangeAnswer answer = RangeAnswer::whole;
  ByteRange range{};  // for part
};

// `header` empty: whole. Beyond the end: unsatisfiable (416). Suffix ranges are clamped.
RangeDecision decide_range(std::string_view header, std::uint64_t size);

// True if If-Range allows the range: absent (empty), or exactly our strong ETag. A date never does:
// we send no Last-Modified.
bool if_range_allows(std::string_view header, std::string_view etag);

// True if If-None-Match names `etag` (weak comparison, lists, "*"): answer 304.
bool if_none_match(std::string_view header, std::string_view etag);

std::string content_range(const ByteRange& range, std::uint64_t size);  // "bytes 0-9/100"
std::string content_range_unsatisfied(std::uint64_t size);              // "bytes */100"

}  // namespace ncps::http
