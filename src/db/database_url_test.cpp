#include "db/database_url.h"

#include <gtest/gtest.h>

namespace ncps::db {
namespace {

TEST(DatabaseUrl, ReadsEverySqliteForm) {
  struct {
    std::string_view url, path;
  } table[] = {{"sqlite:/p/db", "/p/db"},          {"sqlite:///p/db", "/p/db"},
               {"sqlite:rel.db", "rel.db"},        {"sqlite3:/p/db", "/p/db"},
               {"SQLite3:/p/a#b.db", "/p/a#b.db"}, {"sqlite:/p/db?x=y", "/p/db"},
               {"sqlite:/p/a#b?x=y#z", "/p/a#b"},  {"sqlite:/p/100%25", "/p/100%25"}};
  for (const auto& row : table) {
    auto url = parse_database_url(row.url).value();
    EXPECT_EQ(url.kind, DatabaseKind::sqlite);
    EXPECT_EQ(url.sqlite_path, row.path) << row.url;
    EXPECT_EQ(where(url), row.path);
  }
}

// kind user password host port socket database, by '|'; "" is nothing.
std::string parts(std::string_view text) {
  auto url = parse_database_url(text);
  if (!url) return "error: " + url.error().what();
  std::string kind = url->kind == DatabaseKind::mysql ? "mysql" : "postgres";
  std::string out = kind + "|" + url->user + "|" + url->password + "|" + url->host + "|" +
                    std::to_string(url->port) + "|" + url->socket.native() + "|" + url->database;
  for (const auto& [name, value] : url->options) out += "|" + name + "=" + value;
  return out;
}

TEST(DatabaseUrl, ReadsEveryFormOfTheServers) {
  struct {
    std::string_view url, parts;
  } table[] = {
      {"postgresql://u:p@h:5432/db", "postgres|u|p|h|5432||db"},
      {"postgres://u@h/db", "postgres|u||h|0||db"},
      {"POSTGRES://h/db", "postgres|||h|0||db"},
      {"postgres://u:p@h/db?sslmode=verify-full&sslrootcert=/ca%20x.pem",
       "postgres|u|p|h|0||db|sslmode=verify-full|sslrootcert=/ca x.pem"},
      {"postgres://h/db?sslmode=disable&search_path=ncps",
       "postgres|||h|0||db|search_path=ncps|sslmode=disable"},
      {"postgres://h/db?pool_max_conns=4&connect_timeout=9", "postgres|||h|0||db"},
      {"postgres+unix:///run/postgresql/db", "postgres||||0|/run/postgresql|db"},
      {"PostgreSQL+Unix://u:p@/run/pg/db", "postgres|u|p||0|/run/pg|db"},
      {"postgresql:///db?host=/run/postgresql", "postgres||||0|/run/postgresql|db"},
      {"postgresql:///db?host=/run/postgresql&port=5433&user=u&password=p%26q",
       "postgres|u|p&q||5433|/run/postgresql|db"},
      {"postgresql://u:p@%2Frun%2Fpg/db", "postgres|u|p||0|/run/pg|db"},
      {"postgresql://?host=h&dbname=d", "postgres|||h|0||d"},
      {"postgres://u%40x:p%3A%2F%23%25@h/db", "postgres|u@x|p:/#%|h|0||db"},
      {"postgres://u:p@ss@h/db", "postgres|u|p@ss|h|0||db"},
      {"postgres://u:p#ss:w@h/d#b", "postgres|u|p#ss:w|h|0||d#b"},
      {"postgres://u:p@[::1]:5432/db", "postgres|u|p|::1|5432||db"},
      {"postgres://[2001:db8::7]/db", "postgres|||2001:db8::7|0||db"},
      {"postgres://h:/db", "postgres|||h|0||db"},
      {"mysql://u:p@h:3306/db", "mysql|u|p|h|3306||db"},
      {"mysql://u:p@h/db?parseTime=true&loc=UTC&charset=utf8mb4&time_zone=%27%2B00%3A00%27",
       "mysql|u|p|h|0||db"},
      {"mysql://u:p@h/db?tls=true&ssl-ca=/ca.pem", "mysql|u|p|h|0||db|ssl-ca=/ca.pem|tls=true"},
      {"mysql://u@/db?socket=/run/mysqld/mysqld.sock", "mysql|u|||0|/run/mysqld/mysqld.sock|db"},
      {"mysql:///db?unix_socket=/s", "mysql||||0|/s|db"},
      {"mysql:///db?host=/s", "mysql||||0|/s|db"},
      {"mysql+unix:///run/mysqld/mysqld.sock/db", "mysql||||0|/run/mysqld/mysqld.sock|db"},
      {"MySQL+unix://u:p%2f@/my.sock/db", "mysql|u|p/||0|/my.sock|db"},
      {"mysql+unix:/run/x.sock/d", "mysql||||0|/run/x.sock|d"},
      {"mysql://[::1]/db", "mysql|||::1|0||db"},
      {"mysql://h/d%C3%A9", "mysql|||h|0||d\xC3\xA9"},
  };
  for (const auto& row : table) EXPECT_EQ(parts(row.url), row.parts) << row.url;
}

TEST(DatabaseUrl, SaysWhatIsWrongAndNothingOfWhatMayBeASecret) {
  struct {
    std::string_view url, piece;
  } table[] = {
      {"", "no scheme"},
      {"secret", "no scheme"},
      {"postgres//u:secret@h", "scheme that is none of"},
      {"sqlite:", "names no file"},
      {"sqlite://?secret", "names no file"},
      {"oracle://u:secret@h/db", "scheme that is none of"},
      {"secret://h/db", "scheme that is none of"},
      {"postgres:u:secret@h/db", "lacks the //"},
      {"postgres://u:secret@h", "names no database"},
      {"postgres://u:secret@h/", "names no database"},
      {"postgres://u:se/cret-secret@h/db", "%2F for /"},
      {"postgres://u:pa?secret=secret@h/db", "has a"},
      {"postgres://u:se%zzsecret@h/db", "write %25 for a %"},
      {"postgres://u:secret%@h/d", "write %25"},
      {"postgres://u:1/secret@h/db", "%2F for /"},
      {"mysql://u/secret/db", "%2F for /"},
      {"postgres://u:secret%0Ax@h/db", "control character"},
      {"postgres://u:secret\x01@h/db", "control character"},
      {"postgres://u:secret@h:0/db", "port"},
      {"postgres://u:secret@h:65536/db", "port"},
      {"postgres://u:secret@h:5432x/db", "port"},
      {"postgres://u:secret@[::1/db", "["},
      {"postgres://u:secret@[::1]x/db", "]"},
      {"postgres://h/db?sslmode=secret", "none of disable, allow, prefer"},
      {"postgres://h/db?secret=1", "none of host"},
      {"postgres://h/db?options=secret", "none of host"},
      {"mysql://h/db?tls=secret", "none of true, false"},
      {"mysql://h/db?secret", "none of socket"},
      {"mysql+unix://secret/x/db", "names a host and a socket"},
      {"mysql+unix:///db", "names no socket"},
      {"postgres+unix://", "names no socket"},
  };
  for (const auto& row : table) {
    auto url = parse_database_url(row.url);
    ASSERT_FALSE(url) << row.url;
    EXPECT_EQ(url.error().kind(), ErrorKind::invalid);
    EXPECT_NE(url.error().what().find(row.piece), std::string::npos) << url.error().what();
    EXPECT_EQ(url.error().what().find("secret"), std::string::npos) << url.error().what();
    EXPECT_EQ(url.error().what().find("cret"), std::string::npos) << url.error().what();
  }
}

TEST(DatabaseUrl, IsNamedWithoutUserAndPassword) {
  struct {
    std::string_view url, name;
  } table[] = {{"postgres://u:secret@h:5433/db", "PostgreSQL at h:5433"},
               {"postgres:///db?password=secret", "PostgreSQL at localhost"},
               {"mysql+unix://u:secret@/run/s/db", "MySQL at /run/s"}};
  for (const auto& row : table) EXPECT_EQ(where(parse_database_url(row.url).value()), row.name);
}

}  // namespace
}  // namespace ncps::db
