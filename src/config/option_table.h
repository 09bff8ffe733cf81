// Every option, in one table: the command line, the environment, --help, defaults and messages come
// from it.
#pragma once

#include <span>
#include <string_view>

namespace ncps::config {

enum class Kind : std::uint8_t {
  text,  // one value
  list,  // repeated, or separated by commas
  flag,  // true or false as Go reads them; "--x" alone is true
};

enum class Scope : std::uint8_t { global, serve };

struct OptionSpec {
  std::string_view flag;  // "--cache-hostname"
  std::string_view env;   // "CACHE_HOSTNAME"
  std::string_view key;   // "cache.hostname": in configuration files
  Kind kind;
  Scope scope;
  std::string_view fallback;  // empty: none, or as help says
  std::string_view help;
};

std::span<const OptionSpec> option_table();

}  // namespace ncps::config
