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
  fsck,              // see whether store and database agree, and mend them
  stats,             // say what is kept, and what it was good for
  migrate_up,        // bring the database's schema up to date
  migrate_status,    // say which migrations it has
  completion,        // print a shell's completions
  print_and_exit,    // --help, --version
};

struct CommandLine {
  Command command = Command::serve;
  std::string text;  // print_and_exit: what to print; completion: the shell
  GivenFlags given;
  bool dry_run = false;           // import, fsck: only say what it would do
  bool repair = false;            // fsck: mend
  bool verify_content = false;    // fsck: read everything
  std::string verified_since;     // fsck: a duration; empty: read all the same
  bool json = false;              // fsck, stats
  std::string from_database_url;  // import; may hold a password; empty: none was given
};

// Reads the arguments after the program's name. Errors: invalid, with what is wrong and where help
// is.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

}  // namespace ncps::config
