#include "config/reader.h"

#include <algorithm>
#include <charconv>

#include "config/masking.h"
#include "config/option_table.h"

namespace ncps::config {
namespace {

const OptionSpec& option_of(std::string_view flag) {
  return *std::ranges::find(option_table(), flag, &OptionSpec::flag);
}

}  // namespace

void Reader::mistake(std::string_view flag, const RawValue& raw, const std::string& text,
                     const std::string& why) {
  std::string line = raw.origin + ": ";
  if (raw.origin != flag) line.append(flag).append(" ");
  const auto& option = option_of(flag);
  if (option.secret == Secret::no) line += "'" + masked(option, text) + "' ";
  mistakes_.push_back(line + why);
}

Result<bool> parse_bool(std::string_view text) {
  for (auto yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == yes) return true;
  for (auto no : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == no) return false;
  return fail(ErrorKind::invalid, "is neither true nor false");
}

Result<unsigned> parse_count(std::string_view text) {
  constexpr unsigned kMost = 1'000'000;
  unsigned value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || ec != std::errc() || end != text.data() + text.size() || value > kMost) {
    return fail(ErrorKind::invalid, "is no whole number from 0 to 1000000");
  }
  return value;
}

Result<std::filesystem::path> parse_path(std::string_view text) {
  std::error_code ec;
  auto path = std::filesystem::absolute(std::filesystem::path(text), ec);
  if (text.empty() || ec) return fail(ErrorKind::invalid, "is no path");
  return path;
}

}  // namespace ncps::config
