#include "db/soci/open_catalog.h"

#include "base/check.h"
#include "db/soci/fences.h"
#include "db/soci/migrate.h"
#include "db/soci/replace.h"
#include "db/soci/session_pools.h"
#include "db/upload_rows.h"
#include "telemetry/log.h"

namespace ncps::db {
namespace {

// SQLite has one writer: two would wait for each other inside it. 15 s: it waits 10 s for other
// processes.
constexpr PoolLimits kSqliteReaders{.open = 3, .idle = 3, .answering = std::chrono::seconds(15)};
constexpr PoolLimits kSqliteWriter{.open = 1, .idle = 1, .answering = std::chrono::seconds(15)};

class SociCatalog final : public Catalog, public UploadRows {
 public:
  explicit SociCatalog(std::shared_ptr<SessionPools> pools) : pools_(std::move(pools)) {}

  std::size_t calls() const noexcept override { return pools_->calls(); }

  Task<void> check() override {
    auto work = [&](Statements& statements) -> Result<void> {
      statements.check();
      return {};
    };
    co_return co_await reader().run<void>("asking whether the database is there", work);
  }

  Task<std::optional<NarInfoRow>> find_narinfo(nix::StorePathHash hash) override {
    auto work = [&](Statements& statements) { return statements.find_narinfo(hash); };
    co_return co_await reader().run<std::optional<NarInfoRow>>("looking up a narinfo", work);
  }

  Task<std::optional<NarRow>> find_nar(nix::NarUrl url) override {
    auto work = [&](Statements& statements) { return statements.find_nar(url); };
    co_return co_await reader().run<std::optional<NarRow>>("looking up a NAR", work);
  }

  Task<void> put_narinfo(NarInfoRow narinfo, NarRow nar) override {
    CHECK(narinfo.nar_url == nar.url);
    auto work = [&](Statements& statements) { return statements.put(narinfo, nar); };
    co_return co_await writer().run<void>("keeping a narinfo", work);
  }

  Task<bool> claim(nix::NarUrl url, std::uint64_t fence) override {
    if (fence == 0) co_return true;
    auto work = [&](Statements& s) -> Result<bool> { return claim_nar(s.sql(), url, fence); };
    co_return co_await writer().run<bool>("claiming a NAR", work);
  }

  Task<void> mark_stored(nix::NarUrl url, std::uint64_t size, std::uint64_t fence) override {
    auto work = [&](Statements& statements) -> Result<void> {
      statements.mark_stored(url, size, fence);
      return {};
    };
    co_return co_await writer().run<void>("noting a stored NAR", work);
  }

  Task<void> note_uses(Uses uses, std::chrono::sys_seconds when) override {
    CHECK(uses.narinfos.size() + uses.nars.size() <= kMostAtOnce);
    auto work = [&](Statements& statements) -> Result<void> {
      statements.note_uses(uses, when);
      return {};
    };
    co_return co_await writer().run<void>("noting what was used", work);
  }

  UploadRows& uploads() override { return *this; }

  Task<void> put_nar(NarRow nar) override {
    CHECK(nar.stored_size);
    auto work = [&](Statements& statements) { return statements.put_nar(nar); };
    co_return co_await writer().run<void>("keeping an uploaded NAR", work);
  }

  Task<bool> replace_narinfo(NarInfoRow narinfo, NarRow nar,
                             std::optional<std::string> before) override {
    CHECK(narinfo.nar_url == nar.url);
    auto work = [&](Statements& s) { return db::replace_narinfo(s.sql(), narinfo, nar, before); };
    co_return co_await writer().run<bool>("keeping an uploaded narinfo", work);
  }

  Task<std::vector<nix::StorePathHash>> narinfos_of(nix::NarUrl url) override {
    using Hashes = std::vector<nix::StorePathHash>;
    auto work = [&](Statements& statements) -> Result<Hashes> {
      return statements.narinfos_of(url, kMostAtOnce);
    };
    co_return co_await reader().run<Hashes>("looking for a NAR's narinfos", work);
  }

  Task<std::optional<nix::NarUrl>> remove_narinfo(nix::StorePathHash hash) override {
    auto work = [&](Statements& statements) { return statements.remove_narinfo(hash); };
    co_return co_await writer().run<std::optional<nix::NarUrl>>("removing a narinfo", work);
  }

  Task<void> remove_nar(nix::NarUrl url) override {
    auto work = [&](Statements& statements) -> Result<void> {
      statements.remove_nar(url);
      return {};
    };
    co_return co_await writer().run<void>("removing a NAR", work);
  }

 private:
  SessionPool& reader() { return pools_->reader(); }
  SessionPool& writer() { return pools_->writer(); }

  const std::shared_ptr<SessionPools> pools_;
};

}  // namespace

Result<Database> open_database(const DatabaseUrl& url, const PoolLimits& limits) {
  TRY(auto applied, migrate(url));
  for (const auto& name : applied)
    log::info("database schema brought up to date", {{"migration", name}});
  auto dialect = make_dialect(url, limits);
  bool sqlite = url.kind == DatabaseKind::sqlite;
  auto pools = std::make_shared<SessionPools>(std::move(dialect), sqlite ? kSqliteReaders : limits,
                                              sqlite ? std::optional(kSqliteWriter) : std::nullopt);
  return Database{.catalog = std::make_unique<SociCatalog>(pools),
                  .eviction = make_eviction(pools),
                  .pins = make_pins(pools)};
}

Result<std::unique_ptr<Catalog>> open_catalog(const DatabaseUrl& url, const PoolLimits& limits) {
  TRY(auto database, open_database(url, limits));
  return std::move(database.catalog);
}

}  // namespace ncps::db
