#include "storage/s3/iso_time.h"

#include <algorithm>

#include "base/date_text.h"

namespace ncps::s3 {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "Z", or ".000Z" with any number of digits
bool is_end(std::string_view text) {
  if (!text.ends_with('Z')) return false;
  text.remove_suffix(1);
  if (text.empty()) return true;
  return text.front() == '.' && text.size() > 1 && std::ranges::all_of(text.substr(1), is_digit);
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_iso_time(std::string_view text) {
  if (text.size() <= kDateTextLength || !is_end(text.substr(kDateTextLength))) return std::nullopt;
  return parse_date_text(text, "T");
}

}  // namespace ncps::s3
