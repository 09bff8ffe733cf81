#include "telemetry/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "telemetry/utf8.h"

namespace ncps::telemetry {
namespace {

// How many bytes from the beginning stand in a JSON string as they are: nearly all there ever are.
std::size_t plain_bytes(std::string_view text) {
  auto plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; };
  return static_cast<std::size_t>(std::ranges::find_if_not(text, plain) - text.begin());
}

// The number of a well-formed control character; 0x20: it is none. U+0080 to U+009F are two bytes, the
// second of which is the number.
unsigned control(std::string_view character) {
  auto first = static_cast<unsigned char>(character[0]);
  if (first < 0x20 || first == 0x7f) return first;
  auto second = character.size() == 2 ? static_cast<unsigned char>(character[1]) : 0xffU;
  return first == 0xc2 && second < 0xa0 ? second : 0x20;
}

}  // namespace

void append_json(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    auto plain = plain_bytes(text);
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    auto character = text.substr(0, utf8_character(text));
    if (character.empty()) {
      out.append("\\ufffd");
    } else if (character == "\"" || character == "\\") {
      out.append("\\").append(character);
    } else if (auto number = control(character); number != 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", number);
    } else {
      out.append(character);
    }
    text.remove_prefix(std::max<std::size_t>(character.size(), 1));
  }
  out.push_back('"');
}

}  // namespace ncps::telemetry
