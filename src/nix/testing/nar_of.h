// NARs for tests: nar_of() of one regular file, or of a tree put together from nodes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ncps::nix {

enum class Executable : bool { no, yes };

inline std::string nar_token(std::string_view text) {
  std::string out;
  for (int i = 0; i < 8; ++i)
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(text.size()) >> (8 * i)));
  out += text;
  out.resize((out.size() + 7) / 8 * 8, '\0');
  return out;
}

inline std::string nar_tokens(const std::vector<std::string_view>& texts) {
  std::string out;
  for (auto text : texts) out += nar_token(text);
  return out;
}

inline std::string file_node(std::string_view contents, Executable executable = Executable::no) {
  if (executable == Executable::yes)
    return nar_tokens({"(", "type", "regular", "executable", "", "contents", contents, ")"});
  return nar_tokens({"(", "type", "regular", "contents", contents, ")"});
}

inline std::string symlink_node(std::string_view target) {
  return nar_tokens({"(", "type", "symlink", "target", target, ")"});
}

// The names must ascend.
inline std::string directory_node(const std::vector<std::pair<std::string, std::string>>& entries) {
  auto out = nar_tokens({"(", "type", "directory"});
  for (const auto& [name, node] : entries)
    out += nar_tokens({"entry", "(", "name", name, "node"}) + node + nar_token(")");
  return out + nar_token(")");
}

inline std::string nar_of_node(const std::string& node) {
  return nar_token("nix-archive-1") + node;
}

inline std::string nar_of(std::string_view contents) {
  return nar_of_node(file_node(contents));
}

}  // namespace ncps::nix
