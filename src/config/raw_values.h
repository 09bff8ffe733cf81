// The values of options as text, and where each came from.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ncps::config {

struct RawValue {
  std::vector<std::string> values;  // one, unless the option is a list
  std::string origin;               // "--server-addr", "the variable SERVER_ADDR", "the default"
};

// By flag. An option without any value has no entry.
using RawValues = std::map<std::string_view, RawValue>;

enum class Command : std::uint8_t { serve, print_and_exit };

struct CommandLine {
  Command command = Command::serve;
  std::string text;  // for print_and_exit: help or version
  RawValues given;
};

// Reads the arguments after the program's name. Errors: invalid, with what is wrong and where help
// is.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// Adds what the command line does not say: from the environment, else the default. An empty
// variable counts as not set.
RawValues with_environment_and_defaults(RawValues given, const Environment& environment);

}  // namespace ncps::config
