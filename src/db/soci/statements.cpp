#include "db/soci/statements.h"

#include <algorithm>

#include "db/database_time.h"
#include "db/soci/fences.h"

namespace ncps::db {
namespace {

// A NAR that is uploaded again, or that an upstream announced: what its bytes are is known now.
constexpr std::string_view kUploadedAgain =
    "UPDATE nar_urls SET file_hash = :fh, file_size = :fs, stored_size = :size, "
    "last_accessed_at = :now WHERE url = :url AND nar_hash = :nh AND compression = :c";
constexpr std::string_view kCountNar =
    "SELECT count(*) FROM nar_urls WHERE url = :url AND nar_hash = :nh AND compression = :c";
constexpr std::string_view kInsertUploaded =
    "INSERT INTO nar_urls (url, nar_hash, nar_size, compression, file_hash, file_size, upstream, "
    "upstream_url, stored_size, created_at, last_accessed_at) "
    "VALUES (:url, :nh, :ns, :c, :fh, :fs, :up, :uu, :size, :now, :now2)";

// The one row, if there is one. Goes to the end of the answer, which is where SQLite lets go of its
// snapshot.
bool one_row(soci::statement& statement) {
  bool found = statement.execute(true);
  while (found && statement.fetch()) {
  }
  return found;
}

// What stands in a row and cannot be read is our trouble, not a malformed request.
std::unexpected<Error> unreadable(const Error& error) {
  return fail(ErrorKind::unavailable, "a row that cannot be read: " + error.what());
}

// It, made at first use.
template <class T>
T& made(std::unique_ptr<T>& one, soci::session& sql) {
  if (!one) one = std::make_unique<T>(sql);
  return *one;
}

}  // namespace

std::string many_of(std::string_view statement, std::size_t count) {
  constexpr std::string_view kMany = ":many";
  std::string names;
  for (std::size_t i = 0; i < count; ++i) names += (i == 0 ? ":m" : ", :m") + std::to_string(i);
  std::string text(statement);
  return text.replace(text.find(kMany), kMany.size(), names);
}

class Statements::FindNarInfo {
 public:
  explicit FindNarInfo(soci::session& sql)
      : statement_((sql.prepare << kFindNarInfo, soci::into(text_.value, text_.state),
                    soci::into(upstream_.value, upstream_.state), soci::into(uploaded_),
                    soci::into(nar_url_.value, nar_url_.state), soci::use(hash_))) {}

  Result<std::optional<NarInfoRow>> run(const nix::StorePathHash& hash) {
    hash_ = hash.str();
    // A row without text is one of the Go program: the store's file has what it lacks.
    if (!one_row(statement_) || !text_.get() || !nar_url_.get()) return std::nullopt;
    auto url = nix::NarUrl::parse(nar_url_.value);
    if (!url) return unreadable(url.error());
    return NarInfoRow{.hash = hash,
                      .text = text_.value,
                      .upstream = upstream_.get().value_or(""),
                      .nar_url = *url,
                      .uploaded = uploaded_ != 0};
  }

 private:
  std::string hash_;
  int uploaded_ = 0;
  Nullable<std::string> text_, upstream_, nar_url_;
  soci::statement statement_;
};

class Statements::FindNar {
 public:
  explicit FindNar(soci::session& sql)
      : statement_((sql.prepare << kFindNar, soci::into(nar_hash_), soci::into(nar_size_),
                    soci::into(compression_), soci::into(file_hash_.value, file_hash_.state),
                    soci::into(file_size_.value, file_size_.state), soci::into(upstream_),
                    soci::into(upstream_url_), soci::into(stored_size_.value, stored_size_.state),
                    soci::use(url_))) {}

  Result<std::optional<NarRow>> run(const nix::NarUrl& url) {
    url_ = url.str();
    if (!one_row(statement_)) return std::nullopt;
    auto row = read(url);
    if (!row) return unreadable(row.error());
    return row;
  }

 private:
  Result<NarRow> read(const nix::NarUrl& url) const {
    TRY(auto hash, nix::Hash::parse(nar_hash_));
    TRY(auto compression, nix::parse_compression(compression_));
    std::optional<nix::Hash> file_hash;
    if (auto text = file_hash_.get()) {
      TRY(file_hash, nix::Hash::parse(*text));
    }
    return NarRow{.url = url,
                  .nar_hash = hash,
                  .nar_size = static_cast<std::uint64_t>(nar_size_),
                  .compression = compression,
                  .file_hash = file_hash,
                  .file_size = file_size_.get(),
                  .upstream = upstream_,
                  .upstream_url = upstream_url_,
                  .stored_size = stored_size_.get()};
  }

  std::string url_, nar_hash_, compression_, upstream_, upstream_url_;
  long long nar_size_ = 0;
  Nullable<std::string> file_hash_;
  Nullable<long long> file_size_, stored_size_;
  soci::statement statement_;
};

class Statements::MarkStored {
 public:
  explicit MarkStored(soci::session& sql)
      : statement_((sql.prepare << kMarkStored, soci::use(size_), soci::use(now_), soci::use(url_),
                    soci::use(fence_))) {}

  void run(const nix::NarUrl& url, std::uint64_t size, std::uint64_t fence) {
    url_ = url.str();
    fence_ = fence_limit(fence);
    size_ = static_cast<long long>(size);
    now_ = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())
               .time_since_epoch()
               .count();
    statement_.execute(true);
  }

 private:
  std::string url_;
  long long size_ = 0, now_ = 0, fence_ = 0;
  soci::statement statement_;
};

Statements::Statements(const Dialect& dialect, soci::session& sql) : dialect_(dialect), sql_(sql) {}
Statements::~Statements() = default;

void Statements::forget() {
  find_narinfo_.reset();
  find_nar_.reset();
  mark_stored_.reset();
  put_.reset();
}

void Statements::check() {
  int one = 0;
  sql_ << "SELECT 1", soci::into(one);
}

Result<std::optional<NarInfoRow>> Statements::find_narinfo(const nix::StorePathHash& hash) {
  return made(find_narinfo_, sql_).run(hash);
}

Result<std::optional<NarRow>> Statements::find_nar(const nix::NarUrl& url) {
  return made(find_nar_, sql_).run(url);
}

void Statements::mark_stored(const nix::NarUrl& url, std::uint64_t size, std::uint64_t fence) {
  made(mark_stored_, sql_).run(url, size, fence);
}

namespace {

// With a value for each place of :many, and `at` before them. Binds what must stay until it has run.
template <class T>
void use_many(soci::session& sql, std::string_view statement, const std::string& at,
              std::vector<T>& many) {
  if (many.empty()) return;
  // In one order everywhere, so that two instances rarely wait for each other in a circle.
  std::ranges::sort(many);
  soci::statement use(sql);
  use.exchange(soci::use(at));
  for (auto& one : many) use.exchange(soci::use(one));
  use.alloc();
  use.prepare(many_of(statement, many.size()));
  use.define_and_bind();
  use.execute(true);
}

std::vector<long long> nars_of(soci::session& sql, const std::vector<std::string>& hashes) {
  std::vector<long long> ids;
  if (hashes.empty()) return ids;
  long long id = 0;
  soci::statement find(sql);
  for (const auto& hash : hashes) find.exchange(soci::use(hash));
  find.exchange(soci::into(id));
  find.alloc();
  find.prepare(many_of(kNarsOfNarInfos, hashes.size()));
  find.define_and_bind();
  for (bool more = find.execute(true); more; more = find.fetch()) ids.push_back(id);
  return ids;
}

}  // namespace

void Statements::note_uses(const Uses& uses, std::chrono::sys_seconds when) {
  std::string at = print_time(when);
  std::vector<std::string> hashes, urls;
  for (const auto& hash : uses.narinfos) hashes.emplace_back(hash.str());
  for (const auto& url : uses.nars) urls.push_back(url.str());
  soci::transaction all(sql_);
  use_many(sql_, kUseNarInfos, at, hashes);
  auto ids = nars_of(sql_, hashes);
  use_many(sql_, kUseNarsById, at, ids);
  use_many(sql_, kUseNars, at, urls);
  all.commit();
}

Result<void> Statements::put_nar(const NarRow& nar) {
  PutValues v;
  v.set(nar);
  auto size = static_cast<long long>(*nar.stored_size);
  std::string now = print_time(
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now()));
  soci::statement update =
      (sql_.prepare << kUploadedAgain, soci::use(v.file_hash.value, v.file_hash.state),
       soci::use(v.file_size.value, v.file_size.state), soci::use(size), soci::use(now),
       soci::use(v.url), soci::use(v.nar_hash), soci::use(v.compression));
  soci::transaction all(sql_);
  // Updated first: an INSERT that fails ends a transaction of PostgreSQL.
  update.execute(true);
  long long there = 0;
  sql_ << kCountNar, soci::into(there), soci::use(v.url), soci::use(v.nar_hash),
      soci::use(v.compression);
  if (there == 0) {
    long long taken = 0;
    sql_ << "SELECT count(*) FROM nar_urls WHERE url = :url", soci::into(taken), soci::use(v.url);
    if (taken != 0) return fail(ErrorKind::conflict, nar.url.str() + " is another NAR's");
    sql_ << kInsertUploaded, soci::use(v.url), soci::use(v.nar_hash), soci::use(v.nar_size),
        soci::use(v.compression), soci::use(v.file_hash.value, v.file_hash.state),
        soci::use(v.file_size.value, v.file_size.state), soci::use(v.nar_upstream),
        soci::use(v.upstream_url), soci::use(size), soci::use(now), soci::use(now);
  }
  all.commit();
  return {};
}

std::vector<nix::StorePathHash> Statements::narinfos_of(const nix::NarUrl& url, std::size_t most) {
  std::string key = url.str(), hash;
  auto limit = static_cast<long long>(most);
  soci::statement statement =
      (sql_.prepare << "SELECT n.hash FROM narinfos n JOIN nar_urls u ON u.id = n.nar_url_id "
                       "WHERE u.url = :url LIMIT :most",
       soci::into(hash), soci::use(key), soci::use(limit));
  std::vector<nix::StorePathHash> hashes;
  for (bool more = statement.execute(true); more; more = statement.fetch())
    if (auto parsed = nix::StorePathHash::parse(hash)) hashes.push_back(*parsed);
  return hashes;
}

Result<std::optional<nix::NarUrl>> Statements::remove_narinfo(const nix::StorePathHash& hash) {
  std::string key(hash.str()), url;
  soci::indicator state = soci::i_null;
  soci::transaction all(sql_);
  sql_ << "SELECT u.url FROM narinfos n JOIN nar_urls u ON u.id = n.nar_url_id "
          "WHERE n.hash = :hash",
      soci::into(url, state), soci::use(key);
  bool has_nar = sql_.got_data() && state == soci::i_ok;
  sql_ << "DELETE FROM narinfos WHERE hash = :hash", soci::use(key);
  long long others = 1;
  if (has_nar) {
    sql_ << "SELECT count(*) FROM narinfos n JOIN nar_urls u ON u.id = n.nar_url_id "
            "WHERE u.url = :url",
        soci::into(others), soci::use(url);
    if (others == 0) sql_ << "DELETE FROM nar_urls WHERE url = :url", soci::use(url);
  }
  all.commit();
  if (others != 0) return std::nullopt;
  auto parsed = nix::NarUrl::parse(url);
  if (!parsed) return unreadable(parsed.error());
  return std::move(*parsed);
}

void Statements::remove_nar(const nix::NarUrl& url) {
  std::string key = url.str();
  soci::transaction all(sql_);
  sql_ << "DELETE FROM narinfos WHERE nar_url_id = (SELECT id FROM nar_urls WHERE url = :url)",
      soci::use(key);
  sql_ << "DELETE FROM nar_urls WHERE url = :url", soci::use(key);
  all.commit();
}

Result<void> Statements::put(const NarInfoRow& narinfo, const NarRow& nar) {
  if (!put_) put_ = dialect_.prepare_put(sql_);
  if (!put_->run(narinfo, nar))
    return fail(ErrorKind::conflict, nar.url.str() + " is another NAR's");
  return {};
}

}  // namespace ncps::db
