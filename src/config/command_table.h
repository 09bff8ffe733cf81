// Every command, in one table: the command line, --help and shell completions come from it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ncps::config {

enum class Command : std::uint8_t {
  group,  // has commands below it, and does nothing itself
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
  pin_add,           // keep a store path and its closure
  pin_remove,        // no longer
  pin_list,          // say which are kept
  key_generate,      // make a signing key
  key_public,        // print public keys
  key_rotate,        // a new signing key in the storage, beside the old one
  key_retire,        // forget the old one
  token_generate,    // make a token
  client_config,     // print what clients paste
  completion,        // print a shell's completions
  print_and_exit,    // --help, --version: no command of its own
};

enum class Takes : bool { nothing, value };

// A flag of one command alone, which is no option.
struct CommandFlag {
  std::string_view name;  // "--dry-run"
  Takes takes;
  std::string_view help;
  std::string_view env = "";  // empty: none
};

// A word after the command.
struct Argument {
  std::string_view name;
  std::string_view help;
  bool required = true;
  std::string_view choices = "";  // with blanks between them; empty: anything
};

struct CommandSpec {
  std::string_view name;   // "migrate up"; the words before the last are its group's
  std::string_view alias;  // empty: none
  Command command;
  bool options;  // it, or what is below it, takes the options of serve
  std::string_view help;
  std::span<const CommandFlag> flags = {};
  std::span<const Argument> arguments = {};
};

// A group comes before what is below it.
std::span<const CommandSpec> command_table();

// The group, "" for the top, and the word itself.
constexpr std::string_view group_of(std::string_view name) {
  auto blank = name.rfind(' ');
  return blank == name.npos ? std::string_view() : name.substr(0, blank);
}
constexpr std::string_view word_of(std::string_view name) {
  return name.substr(name.rfind(' ') + 1);  // npos + 1 is 0
}

}  // namespace ncps::config
