// The values of options as text, and where each came from: command line, environment, file,
// default, in that order of precedence.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config_file.h"

namespace ncps::config {

struct RawValue {
  std::vector<std::string> values;  // one, unless the option is a list
  std::string
      origin;  // "--server-addr", "the variable SERVER_ADDR", "ncps.yaml line 3", "the default"
};

// By the option's flag. An option without any value has no entry.
using RawValues = std::map<std::string_view, RawValue, std::less<>>;

// What the command line gave, by flag; old names stand under their own flag, secrets' files under
// "<flag>-file".
using GivenFlags = std::map<std::string, std::vector<std::string>, std::less<>>;

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// A file and what it says.
struct FileValues {
  std::string name;
  std::vector<FileEntry> entries;
};

struct Gathered {
  RawValues values;
  std::vector<std::string> warnings;  // old names, options without effect
  std::vector<std::string>
      mistakes;  // unknown keys, keys that stand twice, unreadable secret files
};

// Puts the sources together. An empty variable counts as not set.
Gathered gather(const GivenFlags& given, const Environment& environment,
                const std::optional<FileValues>& file);

}  // namespace ncps::config
