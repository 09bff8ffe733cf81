// Every option, in one table: the command line, the environment, configuration files, --help, the
// sample file, docs/configuration.md, shell completions and the messages about mistakes all come
// from it.
#pragma once

#include <span>
#include <string_view>

namespace ncps::config {

enum class Kind : std::uint8_t {
  text,      // one value, as it stands
  path,      // of a file or folder
  list,      // repeated, separated by commas, or a native list of a file
  flag,      // true or false as Go reads them; "--x" alone is true
  size,      // 10G, 1.5T, 0: base/byte_size.h
  duration,  // 300ms, 1h30m: base/duration.h
  count,     // a whole number, not negative
  cron,      // base/cron.h
};

enum class Scope : std::uint8_t { global, serve };

// What this version makes of an option.
enum class Effect : std::uint8_t {
  full,  // does what it says
  none,  // of a feature that is not here: accepted so that a set-up starts, with a warning
};

enum class Secret : bool { no, yes };  // yes: never shown, and can come from a file (secret_file.h)
enum class Reload : bool { no, yes };  // yes: SIGHUP puts a new value into force

struct OptionSpec {
  std::string_view group;  // the heading in the documents
  std::string_view flag;   // "--cache-hostname"
  std::string_view env;    // "CACHE_HOSTNAME"; empty: none
  std::string_view key;    // "cache.hostname": in configuration files; empty: none
  Kind kind;
  Scope scope;
  Effect effect;
  Secret secret;
  Reload reload;
  std::string_view fallback;  // empty: none, or as help says; a list's with commas
  std::string_view help;      // one sentence, no full stop
};

std::span<const OptionSpec> option_table();

// Names that the options once had: accepted with a warning; the new name wins if both are given.
struct OldName {
  std::string_view flag, env, key;  // empty: had none
  std::string_view now;             // the flag of the option it means
  std::string_view note;  // empty: it is out of use; otherwise why it is kept (no warning then)
};

std::span<const OldName> old_names();

}  // namespace ncps::config
