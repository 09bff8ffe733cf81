// `ncps import`: takes over the store and the database of the Go program, without serving.
#pragma once

#include <optional>
#include <string>

#include "config/load.h"

namespace ncps::app {

struct ImportRequest {
  bool dry_run = false;  // only says what it would do
  std::string from;      // URL of a database of a later version of the Go program; empty: none
};

// Of the options those of storage, database and keys count. Progress goes to stderr, the summary to
// stdout. Returns the exit status: 0 done, 1 done but for what it names, 2 it could not.
int import(const ImportRequest& request, const config::Loaded& loaded);

}  // namespace ncps::app
