// A start of the program as far as its options go: arguments, variables and files of the test's own.
#pragma once

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/testing/temp_dir.h"
#include "config/load.h"

namespace ncps::config::testing {

using Arguments = std::vector<std::string>;
using Variables = std::map<std::string, std::string, std::less<>>;

inline constexpr auto kNixosKey = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";
inline constexpr auto kCommunityKey =
    "nix-community.cachix.org-1:mB9FSh9qf2dCimDSUo8Zy7bkq5CX+/rkCWyvRCYg3Fs=";

inline Loaded load_with(const Arguments& arguments, const Variables& variables = {}) {
  auto line = parse_command_line(arguments).value();
  return load(line.given, [&](std::string_view name) -> std::optional<std::string> {
    auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  });
}

// The least that serves, and more.
inline Arguments serve_and(const Arguments& more) {
  Arguments all = {"serve", "--cache-hostname=cache.example", "--cache-storage-local=/tmp/x",
                   "--cache-upstream-url=https://cache.nixos.org"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

inline std::string lines(const std::vector<std::string>& all) {
  std::string out;
  for (const auto& line : all) out += line + "\n";
  return out;
}

// All that a start can say to anybody.
inline std::string all_words(const Loaded& loaded) {
  return lines(loaded.mistakes) + lines(loaded.warnings);
}

class Files {
 public:
  std::string path(const std::string& name) const { return (dir_.path() / name).native(); }

  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

  // As keys must be.
  std::string write_private(const std::string& name, const std::string& text) const {
    using std::filesystem::perms;
    auto file = write(name, text);
    std::filesystem::permissions(file, perms::owner_read | perms::owner_write);
    return file;
  }

 private:
  ncps::testing::TempDir dir_;
};

}  // namespace ncps::config::testing
