#include "db/soci/sqlite_catalog.h"

#include <soci/soci.h>

#include <functional>
#include <mutex>
#include <vector>

#include "base/check.h"
#include "db/soci/sqlite_session.h"
#include "rt/offload.h"

namespace ncps::db {
namespace {

namespace fs = std::filesystem;

// As many sessions as the pool has threads: a job never waits for one.
class Sessions {
 public:
  Sessions(std::vector<std::unique_ptr<soci::session>> sessions)
      : idle_(std::move(sessions)), pool_(idle_.size()) {}
  ~Sessions() { pool_.join(); }

  // f(soci::session&) -> Result<T>, on one of our threads; what SOCI throws becomes unavailable.
  template <class T, class F>
  Task<T> run(std::string_view action, F f) {
    auto work = [&]() -> Result<T> {
      auto session = take();
      Result<T> answer = fail(ErrorKind::internal, "no answer");
      try {
        answer = f(*session);
      } catch (const std::exception& e) {
        answer = std::unexpected(Error(ErrorKind::unavailable, e.what()).while_doing(action));
      }
      // A row that cannot be read is our trouble, not a malformed request.
      if (!answer && answer.error().kind() == ErrorKind::invalid)
        answer = fail(ErrorKind::unavailable, std::string(action) + ": " + answer.error().what());
      give_back(std::move(session));
      return answer;
    };
    co_return co_await offload(pool_, std::move(work));
  }

 private:
  std::unique_ptr<soci::session> take() {
    std::lock_guard lock(mutex_);
    CHECK(!idle_.empty());
    auto session = std::move(idle_.back());
    idle_.pop_back();
    return session;
  }

  void give_back(std::unique_ptr<soci::session> session) {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(session));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<soci::session>> idle_;
  Pool pool_;
};

// A column that may be NULL, for soci::use and soci::into.
template <class T>
struct Nullable {
  T value{};
  soci::indicator state = soci::i_null;

  Nullable() = default;
  template <class U>
  explicit Nullable(const std::optional<U>& from) {
    if (from) {
      value = static_cast<T>(*from);
      state = soci::i_ok;
    }
  }
  std::optional<T> get() const {
    return state == soci::i_null ? std::nullopt : std::optional<T>(value);
  }
};

std::optional<std::string> text_of(const std::optional<nix::Hash>& hash) {
  if (!hash) return std::nullopt;
  return hash->str();
}

Result<std::optional<NarRow>> select_nar(soci::session& sql, const nix::NarUrl& url) {
  std::string nar_hash, compression, upstream, upstream_url;
  long long nar_size = 0;
  Nullable<std::string> file_hash;
  Nullable<long long> file_size, stored_size;
  sql << "SELECT nar_hash, nar_size, compression, file_hash, file_size, upstream, upstream_url, "
         "stored_size FROM nar_urls WHERE url = :url",
      soci::into(nar_hash), soci::into(nar_size), soci::into(compression),
      soci::into(file_hash.value, file_hash.state), soci::into(file_size.value, file_size.state),
      soci::into(upstream), soci::into(upstream_url),
      soci::into(stored_size.value, stored_size.state), soci::use(url.str());
  if (!sql.got_data()) return std::nullopt;

  TRY(auto hash, nix::Hash::parse(nar_hash));
  TRY(auto kind, nix::parse_compression(compression));
  NarRow row{.url = url,
             .nar_hash = hash,
             .nar_size = static_cast<std::uint64_t>(nar_size),
             .compression = kind,
             .file_hash = {},
             .file_size = file_size.get(),
             .upstream = std::move(upstream),
             .upstream_url = std::move(upstream_url),
             .stored_size = stored_size.get()};
  if (file_hash.get()) {
    TRY(row.file_hash, nix::Hash::parse(file_hash.value));
  }
  return row;
}

Result<std::optional<NarInfoRow>> select_narinfo(soci::session& sql,
                                                 const nix::StorePathHash& hash) {
  Nullable<std::string> text, upstream, nar_url;
  std::string key(hash.str());
  sql << "SELECT n.content, n.upstream, u.url FROM narinfos n "
         "LEFT JOIN nar_urls u ON u.id = n.nar_url_id WHERE n.hash = :hash",
      soci::into(text.value, text.state), soci::into(upstream.value, upstream.state),
      soci::into(nar_url.value, nar_url.state), soci::use(key);
  // A row without text is one of the Go program: the store's file has what it lacks.
  if (!sql.got_data() || !text.get() || !nar_url.get()) return std::nullopt;
  TRY(auto url, nix::NarUrl::parse(nar_url.value));
  return NarInfoRow{.hash = hash,
                    .text = std::move(text.value),
                    .upstream = std::move(upstream.value),
                    .nar_url = url};
}

void upsert_nar(soci::session& sql, const NarRow& nar) {
  std::string nar_hash = nar.nar_hash.str(), compression(nix::to_string(nar.compression));
  auto nar_size = static_cast<long long>(nar.nar_size);
  Nullable<std::string> file_hash(text_of(nar.file_hash));
  Nullable<long long> file_size(nar.file_size);
  sql << "INSERT INTO nar_urls (url, nar_hash, nar_size, compression, file_hash, file_size, "
         "upstream, upstream_url) VALUES (:url, :nh, :ns, :c, :fh, :fs, :up, :uu) "
         "ON CONFLICT (url) DO UPDATE SET "
         "file_hash = excluded.file_hash, file_size = excluded.file_size, "
         "upstream = CASE excluded.upstream WHEN '' THEN nar_urls.upstream "
         "ELSE excluded.upstream END, upstream_url = excluded.upstream_url "
         "WHERE nar_urls.nar_hash = excluded.nar_hash "
         "AND nar_urls.compression = excluded.compression AND nar_urls.stored_size IS NULL",
      soci::use(nar.url.str()), soci::use(nar_hash), soci::use(nar_size), soci::use(compression),
      soci::use(file_hash.value, file_hash.state), soci::use(file_size.value, file_size.state),
      soci::use(nar.upstream), soci::use(nar.upstream_url);
}

void upsert_narinfo(soci::session& sql, const NarInfoRow& narinfo) {
  std::string hash(narinfo.hash.str());
  sql << "INSERT INTO narinfos (hash, content, upstream, nar_url_id) "
         "VALUES (:hash, :text, :up, (SELECT id FROM nar_urls WHERE url = :url)) "
         "ON CONFLICT (hash) DO UPDATE SET content = excluded.content, "
         "upstream = CASE excluded.upstream WHEN '' THEN narinfos.upstream "
         "ELSE excluded.upstream END, nar_url_id = excluded.nar_url_id, updated_at = "
         "CURRENT_TIMESTAMP",
      soci::use(hash), soci::use(narinfo.text), soci::use(narinfo.upstream),
      soci::use(narinfo.nar_url.str());
}

class SqliteCatalog final : public Catalog {
 public:
  SqliteCatalog(std::vector<std::unique_ptr<soci::session>> readers,
                std::vector<std::unique_ptr<soci::session>> writer)
      : readers_(std::move(readers)), writer_(std::move(writer)) {}

  Task<std::optional<NarInfoRow>> find_narinfo(nix::StorePathHash hash) override {
    auto work = [&](soci::session& sql) { return select_narinfo(sql, hash); };
    co_return co_await readers_.run<std::optional<NarInfoRow>>("looking up a narinfo", work);
  }

  Task<std::optional<NarRow>> find_nar(nix::NarUrl url) override {
    auto work = [&](soci::session& sql) { return select_nar(sql, url); };
    co_return co_await readers_.run<std::optional<NarRow>>("looking up a NAR", work);
  }

  Task<void> put_narinfo(NarInfoRow narinfo, NarRow nar) override {
    CHECK(narinfo.nar_url == nar.url);
    auto work = [&](soci::session& sql) -> Result<void> {
      soci::transaction all(sql);
      upsert_nar(sql, nar);
      TRY(auto there, select_nar(sql, nar.url));
      if (!there || there->nar_hash != nar.nar_hash || there->compression != nar.compression)
        return fail(ErrorKind::conflict, nar.url.str() + " is another NAR's");
      upsert_narinfo(sql, narinfo);
      all.commit();
      return {};
    };
    co_return co_await writer_.run<void>("keeping a narinfo", work);
  }

  Task<void> mark_stored(nix::NarUrl url, std::uint64_t size) override {
    auto work = [&](soci::session& sql) -> Result<void> {
      auto bytes = static_cast<long long>(size);
      sql << "UPDATE nar_urls SET stored_size = :size WHERE url = :url", soci::use(bytes),
          soci::use(url.str());
      return {};
    };
    co_return co_await writer_.run<void>("noting a stored NAR", work);
  }

 private:
  Sessions readers_, writer_;
};

}  // namespace

Result<std::unique_ptr<Catalog>> open_sqlite(const fs::path& path) {
  std::error_code ec;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), ec);
  if (ec) {
    return fail(ErrorKind::unavailable, "creating the database's folder " +
                                            path.parent_path().native() + ": " + ec.message());
  }
  std::vector<std::unique_ptr<soci::session>> readers, writer(1);
  TRY(writer[0], open_session(path));
  TRY(migrate(*writer[0]));
  for (int i = 0; i < 3; ++i) {
    TRY(auto reader, open_session(path));
    readers.push_back(std::move(reader));
  }
  return std::make_unique<SqliteCatalog>(std::move(readers), std::move(writer));
}

}  // namespace ncps::db
