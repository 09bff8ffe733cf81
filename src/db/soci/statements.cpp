#include "db/soci/statements.h"

#include "db/database_time.h"

namespace ncps::db {
namespace {

// The one row, if there is one. Goes to the end of the answer, which is where SQLite lets go of its
// snapshot.
bool one_row(soci::statement& statement) {
  bool found = statement.execute(true);
  while (found && statement.fetch()) {
  }
  return found;
}

// What stands in a row and cannot be read is our trouble, not a malformed request.
std::unexpected<Error> unreadable(Error error) {
  return fail(ErrorKind::unavailable, "a row that cannot be read: " + error.what());
}

// It, made at first use.
template <class T>
T& made(std::unique_ptr<T>& one, soci::session& sql) {
  if (!one) one = std::make_unique<T>(sql);
  return *one;
}

}  // namespace

std::string least_used_statement(std::string_view at_rest) {
  return "SELECT url, stored_size FROM nar_urls WHERE " + std::string(at_rest) +
         " ORDER BY last_accessed_at LIMIT :most";
}

class Statements::FindNarInfo {
 public:
  explicit FindNarInfo(soci::session& sql)
      : statement_((sql.prepare << kFindNarInfo, soci::into(text_.value, text_.state),
                    soci::into(upstream_.value, upstream_.state),
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
                      .nar_url = *url};
  }

 private:
  std::string hash_;
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
      : statement_(
            (sql.prepare << kMarkStored, soci::use(size_), soci::use(now_), soci::use(url_))) {}

  void run(const nix::NarUrl& url, std::uint64_t size) {
    url_ = url.str();
    size_ = static_cast<long long>(size);
    now_ = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())
               .time_since_epoch()
               .count();
    statement_.execute(true);
  }

 private:
  std::string url_;
  long long size_ = 0, now_ = 0;
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

void Statements::mark_stored(const nix::NarUrl& url, std::uint64_t size) {
  made(mark_stored_, sql_).run(url, size);
}

void Statements::note_uses(const Uses& uses, std::chrono::sys_seconds when) {
  std::string at = print_time(when), key;
  soci::statement narinfo = (sql_.prepare << kUseNarInfo, soci::use(at), soci::use(key));
  soci::statement its_nar = (sql_.prepare << kUseNarOfNarInfo, soci::use(at), soci::use(key));
  soci::statement nar = (sql_.prepare << kUseNar, soci::use(at), soci::use(key));
  soci::transaction all(sql_);
  for (const auto& hash : uses.narinfos) {
    key = hash.str();
    narinfo.execute(true);
    its_nar.execute(true);
  }
  for (const auto& url : uses.nars) {
    key = url.str();
    nar.execute(true);
  }
  all.commit();
}

Result<std::vector<StoredNar>> Statements::least_used(std::size_t most) {
  std::string url;
  long long size = 0;
  auto limit = static_cast<long long>(most);
  soci::statement statement = (sql_.prepare << least_used_statement(dialect_.at_rest()),
                               soci::into(url), soci::into(size), soci::use(limit));
  std::vector<StoredNar> nars;
  for (bool more = statement.execute(true); more; more = statement.fetch()) {
    auto parsed = nix::NarUrl::parse(url);
    if (!parsed) return unreadable(parsed.error());
    nars.push_back({.url = std::move(*parsed), .size = static_cast<std::uint64_t>(size)});
  }
  return nars;
}

void Statements::mark_gone(const std::vector<nix::NarUrl>& urls) {
  std::string key;
  soci::statement gone = (sql_.prepare << kMarkGone, soci::use(key));
  soci::transaction all(sql_);
  for (const auto& url : urls) {
    key = url.str();
    gone.execute(true);
  }
  all.commit();
}

Result<void> Statements::put(const NarInfoRow& narinfo, const NarRow& nar) {
  if (!put_) put_ = dialect_.prepare_put(sql_);
  if (!put_->run(narinfo, nar))
    return fail(ErrorKind::conflict, nar.url.str() + " is another NAR's");
  return {};
}

}  // namespace ncps::db
