#include "db/database_url.h"

#include <algorithm>

namespace ncps::db {

Result<DatabaseUrl> parse_database_url(std::string_view url) {
  auto colon = url.find(':');
  std::string scheme(url.substr(0, colon));
  std::ranges::transform(scheme, scheme.begin(), [](unsigned char c) { return std::tolower(c); });
  scheme = scheme.substr(0, scheme.find('+'));
  if (colon == url.npos)
    return fail(ErrorKind::invalid, "has no scheme; write sqlite:/path/to/db.sqlite");
  if (scheme == "postgres" || scheme == "postgresql")
    return DatabaseUrl{.kind = DatabaseKind::postgresql};
  if (scheme == "mysql") return DatabaseUrl{.kind = DatabaseKind::mysql};
  if (scheme != "sqlite" && scheme != "sqlite3") {
    return fail(ErrorKind::invalid, "has a scheme that is none of sqlite, postgresql and mysql");
  }
  auto path = url.substr(colon + 1);
  if (path.starts_with("//")) path.remove_prefix(2);
  path = path.substr(0, path.find('?'));
  if (path.empty())
    return fail(ErrorKind::invalid, "names no file; write sqlite:/path/to/db.sqlite");
  return DatabaseUrl{.kind = DatabaseKind::sqlite, .sqlite_path = std::filesystem::path(path)};
}

}  // namespace ncps::db
