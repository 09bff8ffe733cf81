// The command line: a command, and the flags that were given.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/raw_values.h"

namespace ncps::config {

enum class Command : std::uint8_t {
  serve,
  config_check,      // say whether the options are right
  config_show,       // say what they are, and where each comes from
  config_example,    // print config.example.yaml
  config_reference,  // print docs/configuration.md
  import,            // take over what the Go program has kept
  migrate_up,        // bring the database's schema up to date
  migrate_status,    // say which migrations it has
  pin_add,           // keep a store path and its closure
  pin_remove,        // no longer
  pin_list,          // say which are kept
  completion,        // print a shell's completions
  print_and_exit,    // --help, --version
};

struct CommandLine {
  Command command = Command::serve;
  std::string text;  // print_and_exit: what to print; completion: the shell; pin: a store path
  GivenFlags given;
  bool dry_run = false;           // import: only say what it would do
  std::string from_database_url;  // import; may hold a password; empty: none was given
};

// Reads the arguments after the program's name. Errors: invalid, with what is wrong and where help
// is.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

}  // namespace ncps::config
