// DatabaseServer: a real PostgreSQL or MariaDB, for tests. On loopback and a Unix socket, with TLS
// by a private CA, in a folder of its own that goes with it.
//
// Not thread-safe, but what it serves may be used from everywhere. Each function throws when the
// server does not do what it is told.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/testing/process/child.h"
#include "db/database_url.h"

namespace soci {
class session;  // NOLINT(readability-identifier-naming): theirs
}

namespace ncps::testing {

class DatabaseServer {
 public:
  // The one of this test program, started when it is first asked for.
  static DatabaseServer& postgres();
  static DatabaseServer& mariadb();
  static DatabaseServer& of(db::DatabaseKind kind);

  ~DatabaseServer();

  // A new empty database, and its URL.
  std::string fresh_database();

  // The URL of a database of this name, over TCP, with user and password; `host` may name a proxy.
  std::string url(const std::string& database, const std::string& options = "") const;
  std::string url_at(int port, const std::string& database) const;

  void kill();   // SIGKILL: gone, without a word to anybody
  void start();  // after kill(); returns when it answers

  // As the administrator, through the socket.
  std::unique_ptr<soci::session> admin();

  db::DatabaseKind kind() const { return kind_; }
  int port() const { return port_; }
  const std::filesystem::path& folder() const { return folder_; }  // of the Unix socket
  std::filesystem::path socket() const;                            // its file
  std::filesystem::path ca() const { return folder_ / "ca.pem"; }  // signed its certificate
  std::filesystem::path other_ca() const { return folder_ / "other.pem"; }  // did not

  // User and password hold what has to be escaped in a URL, here as they stand there.
  static constexpr std::string_view kUser = "nc%40ps";
  static constexpr std::string_view kPassword = "s%C3%A9cret%2F%27%22%5C%3A%40%23%3F%25%20%3B%7D";
  static constexpr std::string_view kPlainPassword =
      "s\xc3\xa9"
      "cret/'\"\\:@#?% ;}";

 private:
  explicit DatabaseServer(db::DatabaseKind kind);
  void make_files();
  void launch();

  const db::DatabaseKind kind_;
  const std::filesystem::path folder_;
  int port_ = 0;
  int databases_ = 0;
  std::unique_ptr<Child> child_;
};

}  // namespace ncps::testing
