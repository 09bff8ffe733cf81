// Database: what is kept in one database, seen from each side.
#pragma once

#include <memory>

#include "db/catalog.h"
#include "db/eviction.h"
#include "db/pins.h"

namespace ncps::db {

// They share its connections and threads.
struct Database {
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<Eviction> eviction;
  std::unique_ptr<Pins> pins;
};

}  // namespace ncps::db
