// The command line of dbmate, as far as scripts that call it for this program need it.
//
// Source: dbmate's README, "Commands" and "Command Line Options". Flags may stand before and after
// the command. Pure.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace ncps::db {

struct DbmateCall {
  enum class Command : std::uint8_t { up, migrate, create, status, wait, help, version };
  Command command = Command::help;
  std::string url;    // --url, or the variable that --env names: DATABASE_URL
  bool wait = false;  // first wait until the server answers
  std::chrono::seconds patience{60};
  bool exit_code = false;   // status: 1 if something is pending
  bool quiet = false;       // status: print nothing
  bool has_folder = false;  // --migrations-dir was given: ours are in the program
};

// `arguments` are those after the program's name. Errors: invalid; the message holds no value.
Result<DbmateCall> parse_dbmate(
    const std::vector<std::string>& arguments,
    const std::function<std::optional<std::string>(std::string_view)>& environment);

std::string dbmate_help();

}  // namespace ncps::db
