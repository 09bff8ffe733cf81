#include "base/check.h"
#include "db/soci/inventory_statements.h"
#include "db/soci/open_inventory.h"
#include "db/soci/query.h"
#include "db/soci/read_only.h"
#include "db/soci/session_pool.h"

namespace ncps::db {
namespace {

// A minute: what reads through all rows of a large table takes some seconds.
constexpr PoolLimits kLimits{.open = 2, .idle = 2, .answering = std::chrono::seconds(60)};

class SociInventory final : public Inventory {
 public:
  explicit SociInventory(std::unique_ptr<Dialect> dialect)
      : dialect_(std::move(dialect)), pool_(*dialect_, kLimits) {}

  Task<Page<NarInfoEntry>> narinfos(std::string after) override {
    auto work = [&](Statements& s) -> Result<Page<NarInfoEntry>> {
      return narinfo_page(s.sql(), after);
    };
    co_return co_await pool_.run<Page<NarInfoEntry>>("reading all narinfos", work);
  }

  Task<Page<NarEntry>> nars(std::string after) override {
    auto work = [&](Statements& s) -> Result<Page<NarEntry>> { return nar_page(s.sql(), after); };
    co_return co_await pool_.run<Page<NarEntry>>("reading all NARs", work);
  }

  Task<std::optional<NarInfoEntry>> find_narinfo(std::string hash) override {
    auto work = [&](Statements& s) -> Result<std::optional<NarInfoEntry>> {
      return find_narinfo_entry(s.sql(), hash);
    };
    co_return co_await pool_.run<std::optional<NarInfoEntry>>("looking up a narinfo", work);
  }

  Task<std::optional<NarEntry>> find_nar(nix::NarUrl url) override {
    auto work = [&](Statements& s) { return find_nar_entry(s.sql(), url); };
    co_return co_await pool_.run<std::optional<NarEntry>>("looking up a NAR", work);
  }

  Task<std::optional<KeptText>> find_text(std::string hash) override {
    auto work = [&](Statements& s) -> Result<std::optional<KeptText>> {
      return db::find_text(s.sql(), hash);
    };
    co_return co_await pool_.run<std::optional<KeptText>>("reading a narinfo's text", work);
  }

  Task<Page<ObjectEntry>> objects(std::string after) override {
    auto work = [&](Statements& s) -> Result<Page<ObjectEntry>> {
      return object_page(s.sql(), after);
    };
    co_return co_await pool_.run<Page<ObjectEntry>>("reading all objects", work);
  }

  Task<std::optional<ObjectEntry>> find_object(std::string key) override {
    auto work = [&](Statements& s) -> Result<std::optional<ObjectEntry>> {
      return find_object_entry(s.sql(), key);
    };
    co_return co_await pool_.run<std::optional<ObjectEntry>>("looking up an object", work);
  }

  Task<void> put_object(ObjectEntry object) override {
    auto work = [&](soci::session& sql) { db::put_object(sql, *dialect_, object); };
    co_return co_await write("noting an object", work);
  }

  Task<void> remove_object(std::string key) override {
    auto work = [&](soci::session& sql) { db::remove_object(sql, key); };
    co_return co_await write("forgetting an object", work);
  }

  Task<Page<Pin>> pins(std::string after) override {
    auto work = [&](Statements& s) -> Result<Page<Pin>> { return pin_page(s.sql(), after); };
    co_return co_await pool_.run<Page<Pin>>("reading all pins", work);
  }

  Task<std::optional<Pin>> find_pin(nix::StorePathHash hash) override {
    auto work = [&](Statements& s) -> Result<std::optional<Pin>> {
      return db::find_pin(s.sql(), hash);
    };
    co_return co_await pool_.run<std::optional<Pin>>("looking up a pin", work);
  }

  Task<void> mark_gone(nix::NarUrl url) override {
    auto work = [&](soci::session& sql) { db::mark_gone(sql, url); };
    co_return co_await write("noting that a NAR is gone", work);
  }

  Task<void> mark_stored(nix::NarUrl url, std::uint64_t size) override {
    auto work = [&](soci::session& sql) { db::mark_stored(sql, url, size); };
    co_return co_await write("noting a stored NAR", work);
  }

  Task<std::vector<NarEntry>> least_verified(std::size_t most, Time before) override {
    CHECK(most <= kPage);
    auto work = [&](Statements& s) -> Result<std::vector<NarEntry>> {
      return db::least_verified(s.sql(), *dialect_, most, before);
    };
    co_return co_await pool_.run<std::vector<NarEntry>>("looking for NARs to verify", work);
  }

  Task<void> mark_verified(std::vector<nix::NarUrl> urls, Time when) override {
    CHECK(urls.size() <= kPage);
    auto work = [&](soci::session& sql) { db::mark_verified(sql, urls, when); };
    co_return co_await write("noting what was verified", work);
  }

  Task<void> add_nar(NarRow row) override {
    auto work = [&](soci::session& sql) { db::add_nar(sql, *dialect_, row); };
    co_return co_await write("adding a NAR", work);
  }

  Task<void> remove_narinfo(std::string hash, std::optional<std::string> text) override {
    auto work = [&](soci::session& sql) { db::remove_narinfo(sql, hash, text); };
    co_return co_await write("removing a narinfo", work);
  }

  Task<Totals> totals() override {
    auto work = [&](Statements& s) -> Result<Totals> { return db::totals(s.sql(), *dialect_); };
    co_return co_await pool_.run<Totals>("adding up all rows", work);
  }

  Task<void> add_counts(std::vector<DailyCount> counts) override {
    CHECK(counts.size() <= kPage);
    auto work = [&](soci::session& sql) { db::add_counts(sql, *dialect_, counts); };
    co_return co_await write("adding to what was counted", work);
  }

  Task<std::vector<DailyCount>> counts(std::size_t days) override {
    auto work = [&](Statements& s) -> Result<std::vector<DailyCount>> {
      return daily_counts(s.sql(), days);
    };
    co_return co_await pool_.run<std::vector<DailyCount>>("reading what was counted", work);
  }

  Task<void> add_upstream_counts(std::vector<UpstreamCount> counts) override {
    CHECK(counts.size() <= kPage);
    auto work = [&](soci::session& sql) { db::add_upstream_counts(sql, *dialect_, counts); };
    co_return co_await write("adding to what upstreams have sent", work);
  }

  Task<std::vector<UpstreamCount>> upstream_counts(std::size_t days) override {
    auto work = [&](Statements& s) -> Result<std::vector<UpstreamCount>> {
      return db::upstream_counts(s.sql(), days);
    };
    co_return co_await pool_.run<std::vector<UpstreamCount>>("reading what upstreams have sent",
                                                             work);
  }

 private:
  Task<void> write(std::string_view action, std::function<void(soci::session&)> job) {
    auto work = [&](Statements& s) -> Result<void> {
      job(s.sql());
      return {};
    };
    co_return co_await pool_.run<void>(action, work);
  }

  const std::unique_ptr<Dialect> dialect_;
  SessionPool pool_;
};

// Connects for that alone.
Result<void> check_schema(const Dialect& dialect) {
  try {
    auto sql = dialect.connect();
    if (has_columns(dialect, *sql, "nar_urls", "verified_at") &&
        has_columns(dialect, *sql, "narinfos", "uploaded") &&
        has_columns(dialect, *sql, "daily_counts", "day") &&
        has_columns(dialect, *sql, "upstream_counts", "day") &&
        has_columns(dialect, *sql, "kept_objects", "name"))
      return {};
  } catch (const std::exception& e) {
    return std::unexpected(dialect.error(e));
  }
  return fail(ErrorKind::conflict,
              "the database's schema is not that of this version; `ncps migrate up` brings it up "
              "to date");
}

}  // namespace

Result<std::unique_ptr<Inventory>> open_inventory(const DatabaseUrl& url, InventoryAccess access) {
  bool reads = access == InventoryAccess::read;
  auto dialect = reads ? make_read_only(url, kLimits) : make_dialect(url, kLimits);
  TRY(check_schema(*dialect));
  return std::make_unique<SociInventory>(std::move(dialect));
}

}  // namespace ncps::db
