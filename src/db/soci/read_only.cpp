#include "db/soci/read_only.h"

#include <soci/sqlite3/soci-sqlite3.h>

#include <array>
#include <fstream>

namespace ncps::db {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ec;
  return fs::exists(path, ec);
}

bool in_wal_mode(const fs::path& file) {
  std::array<char, 20> head{};
  std::ifstream in(file, std::ios::binary);
  return in.read(head.data(), head.size()) && head[18] == 2;
}

// As a part of a URI.
std::string escaped(std::string_view path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (unsigned char c : path) {
    if (std::isalnum(c) != 0 || c == '/' || c == '.' || c == '-' || c == '_') {
      out.push_back(static_cast<char>(c));
    } else {
      out.append({'%', kDigits[c >> 4U], kDigits[c & 15U]});
    }
  }
  return out;
}

class ReadOnly final : public Dialect {
 public:
  ReadOnly(const DatabaseUrl& url, const PoolLimits& limits)
      : Dialect(url, limits), inner_(make_dialect(url, limits)) {}

  std::unique_ptr<soci::session> connect() const override {
    if (url_.kind == DatabaseKind::sqlite) return connect_sqlite();
    auto sql = inner_->connect();
    *sql << (url_.kind == DatabaseKind::postgresql
                 ? "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
                 : "SET SESSION TRANSACTION READ ONLY");
    return sql;
  }

  std::string_view name() const override { return inner_->name(); }
  int socket(soci::session& sql) const override { return inner_->socket(sql); }
  Trouble trouble(const std::exception& e) const override { return inner_->trouble(e); }
  std::unique_ptr<Put> prepare_put(soci::session& sql) const override {
    return inner_->prepare_put(sql);
  }
  bool has_table(soci::session& sql, const std::string& name) const override {
    return inner_->has_table(sql, name);
  }
  Result<void> alone(soci::session&, const std::function<Result<void>()>&) const override {
    return fail(ErrorKind::internal, "a schema is not changed where nothing is");
  }
  bool undoes_ddl() const override { return inner_->undoes_ddl(); }
  bool was_done(const std::exception& e) const override { return inner_->was_done(e); }

 private:
  std::unique_ptr<soci::session> connect_sqlite() const {
    const auto& file = url_.sqlite_path;
    if (!is_there(file)) throw soci::soci_error(file.native() + ": no such file");
    bool unused = in_wal_mode(file) && !is_there(file.native() + "-wal");
    auto uri = "file:" + escaped(file.native()) + "?mode=ro" + (unused ? "&immutable=1" : "");
    auto sql = std::make_unique<soci::session>(soci::sqlite3,
                                               "db=\"" + uri + "\" timeout=10 shared_cache=false");
    *sql << "PRAGMA busy_timeout = 10000";
    *sql << "PRAGMA query_only = ON";
    return sql;
  }

  std::unique_ptr<Dialect> inner_;
};

}  // namespace

std::unique_ptr<Dialect> make_read_only(const DatabaseUrl& url, const PoolLimits& limits) {
  return std::make_unique<ReadOnly>(url, limits);
}

}  // namespace ncps::db
