#include "db/soci/create_database.h"

#include "db/soci/dialect.h"

namespace ncps::db {
namespace {

std::string in_quotes(std::string_view name, char quote) {
  std::string out(1, quote);
  for (char c : name) out.append(c == quote ? 2 : 1, c);
  return out + quote;
}

bool is_there(const DatabaseUrl& url) {
  try {
    make_dialect(url, {})->connect();
    return true;
  } catch (const std::exception&) {
    return false;  // or out of reach, as will be seen
  }
}

}  // namespace

Result<void> create_database(const DatabaseUrl& url) {
  if (url.kind == DatabaseKind::sqlite || is_there(url)) return {};
  bool mysql = url.kind == DatabaseKind::mysql;
  auto always_there = url;
  always_there.database = mysql ? "information_schema" : "postgres";
  auto dialect = make_dialect(always_there, {});
  try {
    auto sql = dialect->connect();
    if (mysql) {
      *sql << "CREATE DATABASE IF NOT EXISTS " << in_quotes(url.database, '`')
           << " CHARACTER SET utf8mb4";
      return {};
    }
    int there = 0;
    *sql << "SELECT count(*) FROM pg_database WHERE datname = :name", soci::into(there),
        soci::use(url.database);
    if (there == 0) *sql << "CREATE DATABASE " << in_quotes(url.database, '"');
    return {};
  } catch (const std::exception& e) {
    return std::unexpected(dialect->error(e).while_doing("creating the database"));
  }
}

}  // namespace ncps::db
