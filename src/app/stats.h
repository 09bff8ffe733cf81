// `ncps stats`: what is kept, by whom it was fetched, and what it was good for.
#pragma once

#include "config/load.h"

namespace ncps::app {

// From the database alone, whether a server runs or not; changes nothing. Of the options those of the
// database count. Returns the exit status: 0, or 2: it could not.
int stats(bool json, const config::Loaded& loaded);

}  // namespace ncps::app
