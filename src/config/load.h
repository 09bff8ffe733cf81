// All of it: command line, environment and file to checked options. Used at start and at every
// SIGHUP.
#pragma once

#include <string>
#include <vector>

#include "config/command_line.h"
#include "config/serve_options.h"

namespace ncps::config {

struct Loaded {
  RawValues values;
  ServeOptions options;
  std::vector<std::string> mistakes;  // empty: the options are good
  std::vector<std::string> warnings;
};

// The file is the one that --config or NCPS_CONFIG_FILE names, which must be there, or else
// ncps/config.yaml in $XDG_CONFIG_HOME or ~/.config, which need not.
Loaded load(const GivenFlags& given, const Environment& environment);

// The flags of options whose values differ but which only a restart puts into force.
std::vector<std::string> need_restart(const RawValues& now, const RawValues& next);

}  // namespace ncps::config
