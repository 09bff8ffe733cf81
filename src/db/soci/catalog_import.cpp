#include <thread>

#include "db/soci/import_statements.h"
#include "db/soci/migrate.h"
#include "db/soci/open_import.h"
#include "db/soci/read_only.h"
#include "db/soci/watch.h"
#include "rt/offload.h"

namespace ncps::db {
namespace {

constexpr int kTries = 5;
constexpr PoolLimits kLimits{
    .open = 1, .idle = 1, .answering = std::chrono::seconds(60)};  // a batch

// A connection, and what is prepared on it.
struct Work {
  Work(const Dialect& dialect, DryRun dry_run) : session(dialect) {
    bool has_ours = has_columns(dialect, session.sql(), "narinfos", "content, nar_url_id");
    bool has_old = has_columns(dialect, session.sql(), "nars", "hash, last_accessed_at");
    if (has_ours) statements.emplace(session.sql(), dry_run == DryRun::no, has_old);
  }
  Session session;
  std::optional<ImportStatements> statements;  // absent: nothing has been kept there yet
};

class SociImport final : public CatalogImport {
 public:
  SociImport(std::unique_ptr<Dialect> dialect, DryRun dry_run)
      : dialect_(std::move(dialect)), dry_run_(dry_run) {}
  ~SociImport() override { thread_.join(); }

  // Now rather than at the first batch, so that what is wrong is said at the start.
  Result<void> connect() {
    try {
      work_ = std::make_unique<Work>(*dialect_, dry_run_);
      return {};
    } catch (const std::exception& e) {
      return std::unexpected(dialect_->error(e));
    }
  }

  Task<std::vector<Imported>> put(std::vector<ImportRow> batch) override {
    auto work = [&] { return put_now(batch); };
    co_return co_await offload(thread_, std::move(work));
  }

 private:
  // A server that serves meanwhile may be in our way, whatever the database calls that: all again.
  Result<std::vector<Imported>> put_now(const std::vector<ImportRow>& batch) {
    for (int attempt = 1;; ++attempt) {
      if (!work_)
        if (auto connected = connect(); !connected && attempt == kTries)
          return std::unexpected(std::move(connected).error());
      try {
        if (work_) return put_once(batch);
      } catch (const std::exception& e) {
        work_.reset();
        if (attempt == kTries)
          return std::unexpected(dialect_->error(e).while_doing("writing rows"));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50 << attempt));
    }
  }

  std::vector<Imported> put_once(const std::vector<ImportRow>& batch) {
    Watch::Turn turn(watch_, work_->session, Deadline::after(kLimits.answering));
    std::vector<Imported> outcomes;
    if (!work_->statements) {
      for (const auto& row : batch) outcomes.push_back({Imported::How::added, row.urls.front()});
      return outcomes;
    }
    auto& sql = work_->session.sql();
    bool writes = dry_run_ == DryRun::no;
    // IMMEDIATE: SQLite lets nobody write who has begun to read before another one wrote.
    if (writes) sql << (dialect_->name() == "sqlite" ? "BEGIN IMMEDIATE" : "START TRANSACTION");
    for (const auto& row : batch) outcomes.push_back(work_->statements->put(row));
    if (writes) sql << "COMMIT";
    return outcomes;
  }

  const std::unique_ptr<Dialect> dialect_;
  const DryRun dry_run_;
  std::unique_ptr<Work> work_;  // nullptr: connection lost
  Watch watch_;
  Pool thread_{1};
};

// Has no rows, and will have none.
class NoImport final : public CatalogImport {
 public:
  Task<std::vector<Imported>> put(std::vector<ImportRow> batch) override {
    std::vector<Imported> outcomes;
    outcomes.reserve(batch.size());
    for (const auto& row : batch) outcomes.push_back({Imported::How::added, row.urls.front()});
    co_return outcomes;
  }
};

}  // namespace

Result<std::unique_ptr<CatalogImport>> open_import(const DatabaseUrl& url, DryRun dry_run) {
  bool looks = dry_run == DryRun::yes;
  if (looks) {
    std::error_code ec;
    bool sqlite = url.kind == DatabaseKind::sqlite;
    if (sqlite && !std::filesystem::exists(url.sqlite_path, ec))
      return std::make_unique<NoImport>();
  } else {
    TRY(migrate(url));
  }
  auto dialect = looks ? make_read_only(url, kLimits) : make_dialect(url, kLimits);
  auto import = std::make_unique<SociImport>(std::move(dialect), dry_run);
  TRY(import->connect());
  return import;
}

}  // namespace ncps::db
