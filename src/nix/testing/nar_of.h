// nar_of: a NAR of one regular file, for tests.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace ncps::nix {

inline std::string nar_of(std::string_view contents) {
  auto token = [](std::string_view text) {
    std::string out;
    for (int i = 0; i < 8; ++i)
      out.push_back(static_cast<char>(static_cast<std::uint64_t>(text.size()) >> (8 * i)));
    out += text;
    out.resize((out.size() + 7) / 8 * 8, '\0');
    return out;
  };
  std::string nar;
  for (auto text :
       {std::string_view("nix-archive-1"), std::string_view("("), std::string_view("type"),
        std::string_view("regular"), std::string_view("contents"), contents, std::string_view(")")})
    nar += token(text);
  return nar;
}

}  // namespace ncps::nix
