#include <gtest/gtest.h>

#include "base/testing/temp_dir.h"
#include "db/soci/open_catalog.h"
#include "db/soci/open_inventory.h"
#include "db/soci/testing/database_server.h"
#include "db/testing/inventory_sums.h"

namespace ncps::db {
namespace {

using ncps::testing::DatabaseServer;
using ncps::testing::TempDir;

Both open_both(const DatabaseUrl& url) {
  auto database = open_database(url, {}).value();
  return {.catalog = std::move(database.catalog),
          .inventory = open_inventory(url, InventoryAccess::write).value(),
          .pins = std::move(database.pins)};
}

Both make_sqlite() {
  struct All {
    TempDir folder;
    Both both = open_both({.kind = DatabaseKind::sqlite, .sqlite_path = folder.path() / "db"});
  };
  auto all = std::make_shared<All>();
  return {.catalog = {all, all->both.catalog.get()},
          .inventory = {all, all->both.inventory.get()},
          .pins = {all, all->both.pins.get()}};
}

Both make_server(DatabaseServer& server) {
  return open_both(parse_database_url(server.fresh_database()).value());
}

INSTANTIATE_TEST_SUITE_P(Sqlite, InventoryContract, ::testing::Values(make_sqlite));
INSTANTIATE_TEST_SUITE_P(Postgres, InventoryContract,
                         ::testing::Values([] { return make_server(DatabaseServer::postgres()); }));
INSTANTIATE_TEST_SUITE_P(Mysql, InventoryContract,
                         ::testing::Values([] { return make_server(DatabaseServer::mariadb()); }));

TEST(Inventory, OpenedToBeReadItChangesNothingAndWantsItsSchema) {
  TempDir folder;
  DatabaseUrl url{.kind = DatabaseKind::sqlite, .sqlite_path = folder.path() / "db"};
  auto missing = open_inventory(url, InventoryAccess::read);
  EXPECT_FALSE(missing);
  EXPECT_FALSE(std::filesystem::exists(url.sqlite_path));
  {
    auto catalog = open_catalog(url, {}).value();
  }
  auto reader = open_inventory(url, InventoryAccess::read);
  ASSERT_TRUE(reader);
  boost::asio::io_context io{1};
  using ncps::testing::run_sync;
  EXPECT_TRUE(run_sync(io, (*reader)->nars("")));
  auto nar = nix::NarUrl::parse("nar/a.nar").value();
  EXPECT_FALSE(run_sync(io, (*reader)->mark_gone(nar)));
}

}  // namespace
}  // namespace ncps::db
