// `ncps migrate up|status`, and `ncps dbmate`: the database's schema, without serving.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace ncps::app {

enum class Migrate : bool { up, status };

// Of the options only the database counts. Prints what it did. Returns the exit status: 0, 1 if the
// database did not let it, 2 for wrong options.
int migrate(Migrate what, const config::Loaded& loaded);

// `arguments`: those after "dbmate". Returns the exit status, as above; 1 also if a migration is
// pending and it was asked to say so.
int dbmate(const std::vector<std::string>& arguments);

}  // namespace ncps::app
