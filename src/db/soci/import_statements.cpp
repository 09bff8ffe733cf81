#include "db/soci/import_statements.h"

#include "db/utf8.h"

namespace ncps::db {
namespace {

// The URL's name without folder and extension: what the Go program's table `nars` calls hash.
std::string old_name(const nix::NarUrl& url) {
  return std::string(url.stem());
}

std::optional<std::string> text_of(std::optional<std::uint64_t> number) {
  if (!number) return std::nullopt;
  return std::to_string(*number);
}

Time now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// A thing was there when it was last used.
std::string created(const Times& times) {
  return print_time(times.created.value_or(times.accessed.value_or(now())));
}

std::string accessed(const Times& times) {
  return print_time(times.accessed.value_or(times.created.value_or(now())));
}

Times times_in(const Query::Row& row, std::size_t created) {
  return {.created = parse_time(row[created].value_or("")),
          .accessed = parse_time(row[created + 1].value_or(""))};
}

}  // namespace

ImportStatements::ImportStatements(soci::session& sql, bool writes, bool has_old)
    : writes_(writes) {
  find_narinfo_.emplace(sql,
                        "SELECT n.id, u.url, CASE WHEN n.content IS NULL THEN 0 ELSE 1 END, "
                        "n.created_at, n.last_accessed_at FROM narinfos n LEFT JOIN nar_urls u ON "
                        "u.id = n.nar_url_id "
                        "WHERE n.hash = :hash",
                        5, 1);
  find_url_.emplace(
      sql, "SELECT id, nar_hash, compression, stored_size FROM nar_urls WHERE url = :url", 4, 1);
  if (has_old)
    find_old_.emplace(sql, "SELECT created_at, last_accessed_at FROM nars WHERE hash = :hash", 2,
                      1);
  if (!writes) return;
  insert_url_.emplace(sql,
                      "INSERT INTO nar_urls (url, nar_hash, nar_size, compression, file_hash, "
                      "file_size, upstream, upstream_url, stored_size, created_at, "
                      "last_accessed_at) VALUES (:url, :nh, :ns, :c, :fh, :fs, :up, :uu, :ss, :ca, "
                      ":la)",
                      0, 11);
  note_stored_.emplace(
      sql, "UPDATE nar_urls SET stored_size = :size WHERE url = :url AND stored_size IS NULL", 0,
      2);
  insert_narinfo_.emplace(sql,
                          "INSERT INTO narinfos (hash, content, upstream, nar_url_id, created_at, "
                          "last_accessed_at, uploaded) VALUES (:hash, :text, :up, :url, :ca, :la, "
                          ":sent)",
                          0, 7);
  update_narinfo_.emplace(sql,
                          "UPDATE narinfos SET content = :text, nar_url_id = :url, "
                          "updated_at = CURRENT_TIMESTAMP WHERE hash = :hash",
                          0, 3);
}

Imported ImportStatements::put(const ImportRow& row) {
  using How = Imported::How;
  auto found = find_narinfo_->row({std::string(row.narinfo.hash.str())});
  if (found && (*found)[1] && (*found)[2] == "1") {
    if (auto url = nix::NarUrl::parse(*(*found)[1])) {
      if (writes_) note_stored(*url, row);
      return {How::known, *std::move(url)};
    }
  }
  for (const auto& url : row.urls) {
    KnownUrl known;
    auto whose = look(url, row.nar, known);
    if (whose == Whose::anothers) continue;
    std::optional<Times> of_narinfo;
    if (found) of_narinfo = times_in(*found, 3);
    if (writes_) write(url, row, whose, known, of_narinfo);
    return {How::added, url};
  }
  return {How::refused, row.urls.front()};
}

ImportStatements::Whose ImportStatements::look(const nix::NarUrl& url, const NarRow& nar,
                                               KnownUrl& known) {
  auto found = find_url_->row({url.str()});
  if (!found) return Whose::nobodys;
  auto& columns = *found;
  bool same = columns[1] == nar.nar_hash.str() && columns[2] == nix::to_string(nar.compression);
  known = {.id = columns[0].value_or(""), .stored = columns[3].has_value()};
  return same ? Whose::its : Whose::anothers;
}

void ImportStatements::note_stored(const nix::NarUrl& url, const ImportRow& row) {
  if (row.nar.stored_size && url == row.urls.front())
    note_stored_->execute({text_of(row.nar.stored_size), url.str()});
}

// Its own; else those of the Go program's row of a NAR of that name; else those of its narinfo.
Times ImportStatements::times_of(const nix::NarUrl& url, const Times& own,
                                 const std::optional<Times>& of_narinfo) {
  if (own.created || own.accessed) return own;
  if (find_old_)
    if (auto old = find_old_->row({old_name(url)})) return times_in(*old, 0);
  return of_narinfo.value_or(own);
}

void ImportStatements::write(const nix::NarUrl& url, const ImportRow& row, Whose whose,
                             const KnownUrl& known, const std::optional<Times>& of_narinfo) {
  const auto& nar = row.nar;
  auto id = known.id;
  if (whose == Whose::nobodys) {
    auto times = times_of(url, row.nar_times, of_narinfo);
    auto stored = url == row.urls.front() ? nar.stored_size : std::nullopt;
    insert_url_->execute({url.str(), nar.nar_hash.str(), std::to_string(nar.nar_size),
                          std::string(nix::to_string(nar.compression)),
                          nar.file_hash ? std::optional(nar.file_hash->str()) : std::nullopt,
                          text_of(nar.file_size), nar.upstream, nar.upstream_url, text_of(stored),
                          created(times), accessed(times)});
    id = find_url_->row({url.str()}).value().at(0).value_or("");
  } else {
    note_stored(url, row);
  }
  const auto& narinfo = row.narinfo;
  // As Catalog::put_narinfo: what no database takes for text is in the store's file only.
  auto text = is_plain_utf8(narinfo.text) ? std::optional(narinfo.text) : std::nullopt;
  std::string hash(narinfo.hash.str());
  if (of_narinfo) {
    update_narinfo_->execute({text, id, hash});
  } else {
    insert_narinfo_->execute({hash, text, narinfo.upstream, id, created(row.narinfo_times),
                              accessed(row.narinfo_times), narinfo.uploaded ? "1" : "0"});
  }
}

}  // namespace ncps::db
