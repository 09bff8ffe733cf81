#include "telemetry/json_text.h"

#include <nlohmann/json.hpp>

#include "fuzzing/fuzz_target.h"
#include "telemetry/log.h"
#include "telemetry/utf8.h"

namespace ncps::telemetry {
namespace {

// Neither ends the line nor tells a terminal what to do: C0, DEL, and C1 as UTF-8 has it.
bool is_harmless(std::string_view line) {
  for (std::size_t at = 0; at < line.size(); ++at) {
    auto byte = static_cast<unsigned char>(line[at]);
    if (byte < 0x20 || byte == 0x7f) return false;
    if (byte == 0xc2 && at + 1 < line.size() && static_cast<unsigned char>(line[at + 1]) < 0xa0)
      return false;
  }
  return true;
}

}  // namespace

FUZZ_TARGET(json_text) {
  using log::Format, log::Level;
  auto half = input.substr(0, input.size() / 2);
  const log::Field fields[] = {{"url", input}, {"n", -5}, {"from", half}};
  auto json = log::render(Format::json, Level::warn, 1.5, input, fields);
  auto read = nlohmann::json::parse(json, nullptr, false);
  CHECK(read.is_object() && read.size() == 6 && is_harmless(json));
  auto text = to_utf8(input);
  CHECK(read["url"] == text && read["message"] == text && read["n"] == -5);
  CHECK(read["from"] == to_utf8(half) && read["level"] == "warn");

  auto line = log::render(Format::console, Level::warn, 1.5, "words", fields);
  CHECK(is_harmless(line) && line.contains("words  url=\"") && line.contains("  n=-5  from=\""));
}

}  // namespace ncps::telemetry
