#include "db/soci/testing/database_server.h"

#include <signal.h>
#include <soci/mysql/soci-mysql.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "base/testing/process/certificates.h"
#include "base/testing/process/free_port.h"

namespace ncps::testing {
namespace {

namespace fs = std::filesystem;
using db::DatabaseKind;

constexpr auto kPatience = std::chrono::seconds(60);  // for a start, on a busy machine

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return std::move(text).str();
}

std::string plain_user() {
  return "nc@ps";
}

// A literal for either server.
std::string quoted(DatabaseKind kind, std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'' || (c == '\\' && kind == DatabaseKind::mysql))
      out.push_back(c == '\'' ? c : '\\');
    out.push_back(c);
  }
  return out + "'";
}

}  // namespace

DatabaseServer& DatabaseServer::postgres() {
  static DatabaseServer server(DatabaseKind::postgresql);
  return server;
}

DatabaseServer& DatabaseServer::mariadb() {
  static DatabaseServer server(DatabaseKind::mysql);
  return server;
}

DatabaseServer& DatabaseServer::of(DatabaseKind kind) {
  return kind == DatabaseKind::mysql ? mariadb() : postgres();
}

DatabaseServer::DatabaseServer(DatabaseKind kind)
    : kind_(kind), folder_(make_folder(kind == DatabaseKind::mysql ? "mariadb" : "postgres")) {
  try {
    make_certificates(folder_);
    make_files();
    start();
    std::unique_ptr<soci::session> sql = admin();
    auto secret = quoted(kind_, kPlainPassword);
    if (kind_ == DatabaseKind::mysql) {
      *sql << "CREATE USER '" + plain_user() + "'@'%' IDENTIFIED BY " + secret;
      *sql << "GRANT ALL ON *.* TO '" + plain_user() + "'@'%'";
    } else {
      *sql << "CREATE ROLE \"" + plain_user() + "\" LOGIN CREATEDB PASSWORD " + secret;
    }
  } catch (...) {
    child_.reset();
    fs::remove_all(folder_);
    throw;
  }
}

DatabaseServer::~DatabaseServer() {
  kill();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

fs::path DatabaseServer::socket() const {
  if (kind_ == DatabaseKind::mysql) return folder_ / "socket";
  return folder_ / (".s.PGSQL." + std::to_string(port_));
}

void DatabaseServer::make_files() {
  auto data = (folder_ / "data").native();
  if (kind_ == DatabaseKind::mysql) {
    run_to_end({"/bin/sh", "/usr/bin/mariadb-install-db", "--no-defaults", "--datadir=" + data,
                "--auth-root-authentication-method=normal", "--skip-test-db"},
               folder_ / "log");
    return;
  }
  run_to_end({"/usr/lib/postgresql/15/bin/initdb", "-D", data, "-U", "postgres", "-E", "UTF8",
              "--locale=C", "--no-sync", "--auth=trust"},
             folder_ / "log");
  std::ofstream(folder_ / "data" / "pg_hba.conf") << "local all postgres trust\n"
                                                     "local all all scram-sha-256\n"
                                                     "host all all all scram-sha-256\n";
}

void DatabaseServer::launch() {
  auto file = [&](const char* name) { return (folder_ / name).native(); };
  if (port_ == 0) port_ = free_port();
  auto port = std::to_string(port_);
  std::vector<std::string> command;
  if (kind_ == DatabaseKind::mysql) {
    command = {"/usr/sbin/mariadbd", "--no-defaults", "--datadir=" + file("data"),
               "--socket=" + file("socket"), "--port=" + port, "--bind-address=127.0.0.1",
               "--pid-file=" + file("pid"), "--skip-name-resolve", "--skip-log-bin",
               "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=32M",
               "--innodb-flush-method=nosync", "--max-connections=200",
               // As hostile as a real one may be: another zone, another character set.
               "--default-time-zone=+05:30", "--character-set-server=latin1",
               "--ssl-cert=" + file("server.pem"), "--ssl-key=" + file("server.key"),
               "--ssl-ca=" + file("ca.pem")};
  } else {
    command = {"/usr/lib/postgresql/15/bin/postgres",
               "-D",
               file("data"),
               "-k",
               folder_.native(),
               "-h",
               "127.0.0.1",
               "-p",
               port,
               "-F",
               "-c",
               "max_connections=200",
               "-c",
               "shared_buffers=32MB",
               "-c",
               "TimeZone=Asia/Kolkata",
               "-c",
               "ssl=on",
               "-c",
               "ssl_cert_file=" + file("server.pem"),
               "-c",
               "ssl_key_file=" + file("server.key")};
  }
  child_ = std::make_unique<Child>(command, folder_ / "log");
}

std::unique_ptr<soci::session> DatabaseServer::admin() {
  if (kind_ == DatabaseKind::mysql) {
    return std::make_unique<soci::session>(soci::mysql,
                                           "unix_socket='" + socket().native() + "' user='root'");
  }
  return std::make_unique<soci::session>(soci::postgresql, "host='" + folder_.native() +
                                                               "' port=" + std::to_string(port_) +
                                                               " user=postgres dbname=postgres");
}

void DatabaseServer::start() {
  auto last = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    if (!child_ || !child_->running()) launch();  // again, if a killed one's children still hold on
    try {
      int one = 0;
      *admin() << "SELECT 1", soci::into(one);
      return;
    } catch (const std::exception& e) {
      if (std::chrono::steady_clock::now() > last)
        throw std::runtime_error(std::string(e.what()) + "\n" + text_of(folder_ / "log"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void DatabaseServer::kill() {
  if (!child_ || !child_->running()) return child_.reset();
  // PostgreSQL's backends notice a moment later by themselves, and answer until then.
  std::vector<pid_t> backends;
  auto pid = std::to_string(child_->pid());
  std::ifstream list("/proc/" + pid + "/task/" + pid + "/children");
  for (pid_t backend = 0; list >> backend;) backends.push_back(backend);
  child_.reset();
  for (auto backend : backends) ::kill(backend, SIGKILL);
}

std::string DatabaseServer::fresh_database() {
  auto name = "test_" + std::to_string(++databases_);
  *admin() << (kind_ == DatabaseKind::mysql
                   ? "CREATE DATABASE " + name
                   : "CREATE DATABASE " + name + " OWNER \"" + plain_user() + "\"");
  return url(name);
}

std::string DatabaseServer::url(const std::string& database, const std::string& options) const {
  return url_at(port_, database) + (options.empty() ? "" : "?" + options);
}

std::string DatabaseServer::url_at(int port, const std::string& database) const {
  return std::string(kind_ == DatabaseKind::mysql ? "mysql" : "postgresql") + "://" +
         std::string(kUser) + ":" + std::string(kPassword) + "@127.0.0.1:" + std::to_string(port) +
         "/" + database;
}

}  // namespace ncps::testing
