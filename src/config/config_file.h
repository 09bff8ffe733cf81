// Configuration files: YAML, JSON (read as YAML, which it is a part of) and TOML, flattened to
// dotted keys.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ncps::config {

struct FileEntry {
  std::string key;                  // "cache.upstream.urls"
  std::vector<std::string> values;  // one for a plain value, any number for a list; as written
  int line;                         // from 1
};

// Null values are left out: as if the key were not there.
// Errors: invalid, with the line: not that language, or a value that is neither plain nor a list of
// such.
Result<std::vector<FileEntry>> parse_yaml(const std::string& text);
Result<std::vector<FileEntry>> parse_toml(const std::string& text);

// By its extension: .toml, or else YAML. Errors: not_found, unavailable (unreadable), invalid.
Result<std::vector<FileEntry>> read_config_file(const std::filesystem::path& path);

}  // namespace ncps::config
