#include "db/soci/fences.h"

namespace ncps::db {
namespace {

std::string_view store_statement(const Dialect& dialect) {
  if (dialect.name() == "mysql")
    return "INSERT INTO lease_fences (name, fence) VALUES (:name, :fence) "
           "ON DUPLICATE KEY UPDATE fence = GREATEST(fence, VALUES(fence))";
  return "INSERT INTO lease_fences (name, fence) VALUES (:name, :fence) "
         "ON CONFLICT (name) DO UPDATE SET fence = excluded.fence "
         "WHERE lease_fences.fence < excluded.fence";
}

}  // namespace

bool claim_nar(soci::session& sql, const nix::NarUrl& url, std::uint64_t fence) {
  if (fence == 0) return true;
  std::string key = url.str();
  long long ours = fence_limit(fence), stored = 0;
  sql << "UPDATE nar_urls SET fence = :fence WHERE url = :url AND fence < :than", soci::use(ours),
      soci::use(key), soci::use(ours);
  sql << "SELECT fence FROM nar_urls WHERE url = :url", soci::into(stored), soci::use(key);
  return !sql.got_data() || stored <= ours;
}

bool claim_lease(const Dialect& dialect, soci::session& sql, std::string_view name,
                 std::uint64_t fence) {
  if (fence == 0) return true;
  std::string key(name);
  long long ours = fence_limit(fence), stored = 0;
  sql << store_statement(dialect), soci::use(key), soci::use(ours);
  sql << "SELECT fence FROM lease_fences WHERE name = :name", soci::into(stored), soci::use(key);
  return stored <= ours;
}

}  // namespace ncps::db
