// --cache-database-url, read.
//
// Source of the servers' forms: RFC 3986, and the Go program's, with the query's options of its
// drivers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::db {

enum class DatabaseKind : std::uint8_t { sqlite, postgresql, mysql };

struct DatabaseUrl {
  DatabaseKind kind = DatabaseKind::sqlite;
  std::filesystem::path sqlite_path = {};  // empty unless sqlite; all below is empty for sqlite

  std::string host = {};   // name or address, IPv6 without brackets; empty: the usual one
  std::uint16_t port = 0;  // 0: the usual one
  std::filesystem::path socket = {};  // PostgreSQL: the folder; MySQL: the file. Empty: TCP to host
  std::string user = {}, password = {};
  std::string database = {};
  std::map<std::string, std::string, std::less<>> options = {};  // of which we act on each
};

// sqlite:/p/db  sqlite:///p/db  sqlite:rel.db  sqlite3:…      "?options" are dropped
// postgresql://user:password@host:5432/name?sslmode=…         also postgres:, ?host=/socket/folder
// postgres+unix:///socket/folder/name
// mysql://user:password@host:3306/name?tls=…                  also ?socket=, ?unix_socket=,
// ?host=/file mysql+unix:///file.sock/name
//
// The scheme in any case; '#' begins no fragment; what stands in a server's URL may be percent-
// encoded. PostgreSQL's options: those of libpq, and search_path. MySQL's: tls=true, false, skip-
// verify, preferred; ssl-ca, ssl-cert, ssl-key. Options of the Go program's drivers that change
// nothing here are dropped. Errors: invalid; the message holds nothing of the URL, in which a
// password may stand anywhere.
Result<DatabaseUrl> parse_database_url(std::string_view url);

// "PostgreSQL at host:5432", for people: no user, no password.
std::string where(const DatabaseUrl& url);

}  // namespace ncps::db
