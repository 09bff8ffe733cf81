#include <algorithm>
#include <map>

#include "db/soci/open_import.h"
#include "db/soci/query.h"
#include "db/soci/read_only.h"
#include "db/soci/watch.h"
#include "nix/text.h"
#include "rt/offload.h"

namespace ncps::db {
namespace {

constexpr auto kPage = "500";  // narinfos
constexpr PoolLimits kLimits{.open = 1, .idle = 1, .answering = std::chrono::seconds(60)};

// A column that older versions do not have.
std::string if_there(bool there, const std::string& column) {
  return there ? column : "NULL";
}

class Tables {
 public:
  Tables(const Dialect& dialect, soci::session& sql)
      : has_upstream_url_(has_columns(dialect, sql, "narinfos", "upstream_url")),
        has_chunks_(has_columns(dialect, sql, "nar_files", "total_chunks")),
        has_config_(has_columns(dialect, sql, "config", "id")),
        narinfos_(sql,
                  "SELECT n.id, n.hash, n.created_at, n.last_accessed_at, n.store_path, n.url, "
                  "n.compression, n.file_hash, n.file_size, n.nar_hash, n.nar_size, n.deriver, "
                  "n.system, n.ca, " +
                      if_there(has_upstream_url_, "n.upstream_url") +
                      " FROM narinfos n WHERE n.id > :last ORDER BY n.id LIMIT " + kPage,
                  15, 1),
        references_(sql,
                    "SELECT r.narinfo_id, r.reference FROM narinfo_references r "
                    "WHERE r.narinfo_id >= :a AND r.narinfo_id <= :b",
                    2, 2),
        signatures_(sql,
                    "SELECT s.narinfo_id, s.signature FROM narinfo_signatures s "
                    "WHERE s.narinfo_id >= :a AND s.narinfo_id <= :b",
                    2, 2),
        files_(sql,
               "SELECT l.narinfo_id, f.hash, f.compression, f.created_at, f.last_accessed_at, " +
                   if_there(has_chunks_, "f.total_chunks") +
                   " FROM narinfo_nar_files l JOIN nar_files f ON f.id = l.nar_file_id "
                   "WHERE l.narinfo_id >= :a AND l.narinfo_id <= :b",
               6, 2) {
    if (has_config_)
      secret_key_.emplace(sql, "SELECT c.value FROM config c WHERE c.key = 'secret_key'", 1);
  }

  GoPage page(std::int64_t last) {
    GoPage page{.narinfos = {}, .last = last};
    auto rows = narinfos_.rows({std::to_string(last)});
    if (rows.empty()) return page;
    auto first = *rows.front()[0];
    auto final = *rows.back()[0];
    page.last = nix::parse_number<std::int64_t>(final).value_or(last);
    std::map<std::string, std::vector<std::string>> references, signatures;
    for (auto& row : references_.rows({first, final}))
      if (row[1]) references[*row[0]].push_back(*row[1]);
    for (auto& row : signatures_.rows({first, final}))
      if (row[1]) signatures[*row[0]].push_back(*row[1]);
    std::map<std::string, std::vector<GoNarFile>> files;
    for (auto& row : files_.rows({first, final})) files[*row[0]].push_back(file(row));
    for (auto& row : rows) {
      auto& found = page.narinfos.emplace_back(
          narinfo(row, std::move(references[*row[0]]), std::move(signatures[*row[0]])));
      found.files = std::move(files[*row[0]]);
    }
    return page;
  }

  std::optional<std::string> secret_key() {
    if (!secret_key_) return std::nullopt;
    auto row = secret_key_->row();
    return row ? row->at(0) : std::nullopt;
  }

 private:
  static Times times(const Query::Row& row, std::size_t created) {
    return {.created = parse_time(row[created].value_or("")),
            .accessed = parse_time(row[created + 1].value_or(""))};
  }

  static GoNarInfo narinfo(const Query::Row& row, std::vector<std::string> references,
                           std::vector<std::string> signatures) {
    // In no order that we could rely on; a fingerprint's is by name.
    std::ranges::sort(references);
    GoColumns columns{.store_path = row[4],
                      .url = row[5],
                      .compression = row[6],
                      .file_hash = row[7],
                      .file_size = row[8],
                      .nar_hash = row[9],
                      .nar_size = row[10],
                      .deriver = row[11],
                      .system = row[12],
                      .ca = row[13],
                      .references = std::move(references),
                      .signatures = std::move(signatures)};
    return {.hash = row[1].value_or(""),
            .text = narinfo_text(columns),
            .upstream_url = row[14].value_or(""),
            .times = times(row, 2),
            .files = {}};
  }

  static GoNarFile file(const Query::Row& row) {
    return {.hash = row[1].value_or(""),
            .compression = row[2].value_or(""),
            .in_chunks = row[5] && *row[5] != "0",
            .times = times(row, 3)};
  }

  bool has_upstream_url_, has_chunks_, has_config_;
  Query narinfos_, references_, signatures_, files_;
  std::optional<Query> secret_key_;
};

class SociGoDatabase final : public GoDatabase {
 public:
  explicit SociGoDatabase(const DatabaseUrl& url) : dialect_(make_read_only(url, kLimits)) {}
  ~SociGoDatabase() override { thread_.join(); }

  Result<void> open() {
    try {
      session_.emplace(*dialect_);
      auto& sql = session_->sql();
      bool in_columns = has_columns(*dialect_, sql, "narinfos", "store_path, url, nar_hash");
      if (in_columns) {
        tables_.emplace(*dialect_, sql);
        return {};
      }
      bool early = has_columns(*dialect_, sql, "nars", "narinfo_id, hash");
      return fail(ErrorKind::conflict,
                  early ? "this database is of a version that kept narinfos as files: name it as "
                          "--cache-database-url, it is brought up to date where it is"
                        : "this database holds no narinfos of the Go program");
    } catch (const std::exception& e) {
      return std::unexpected(dialect_->error(e));
    }
  }

  Task<GoPage> narinfos(std::int64_t last) override {
    auto work = [&] { return ask<GoPage>([&] { return tables_->page(last); }); };
    co_return co_await offload(thread_, std::move(work));
  }

  Task<std::optional<std::string>> secret_key() override {
    auto work = [&] {
      return ask<std::optional<std::string>>([&] { return tables_->secret_key(); });
    };
    co_return co_await offload(thread_, std::move(work));
  }

 private:
  template <class T>
  Result<T> ask(auto question) {
    try {
      Watch::Turn turn(watch_, *session_, Deadline::after(kLimits.answering));
      return question();
    } catch (const std::exception& e) {
      return std::unexpected(dialect_->error(e).while_doing("reading the Go program's database"));
    }
  }

  const std::unique_ptr<Dialect> dialect_;
  std::optional<Session> session_;
  std::optional<Tables> tables_;
  Watch watch_;
  Pool thread_{1};
};

}  // namespace

Result<std::unique_ptr<GoDatabase>> open_go_database(const DatabaseUrl& url) {
  auto database = std::make_unique<SociGoDatabase>(url);
  TRY(database->open());
  return database;
}

}  // namespace ncps::db
