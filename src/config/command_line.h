// The command line: a command, and the flags that were given.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/command_table.h"
#include "config/raw_values.h"

namespace ncps::config {

struct CommandLine {
  Command command = Command::serve;
  std::string text;                                     // print_and_exit: what to print
  GivenFlags given;                                     // of options
  std::map<std::string, std::string, std::less<>> own;  // flags of the command alone, if given; may
                                                        // hold a password; "" for one without value
  std::vector<std::string> arguments;                   // words after the command

  bool has(std::string_view flag) const { return own.contains(flag); }
  // Empty: not given.
  std::string value(std::string_view flag) const {
    auto it = own.find(flag);
    return it == own.end() ? std::string() : it->second;
  }
};

// Reads the arguments after the program's name. Errors: invalid, with what is wrong and where help
// is.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

}  // namespace ncps::config
