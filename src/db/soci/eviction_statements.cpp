#include "db/soci/eviction_statements.h"

#include <algorithm>

#include "db/database_time.h"
#include "db/soci/fences.h"

namespace ncps::db {
namespace {

std::unexpected<Error> unreadable(const Error& error) {
  return fail(ErrorKind::unavailable, "a row that cannot be read: " + error.what());
}

// What a statement that pages through a list is bound to.
struct Page {
  Page(const Place& after, std::size_t at_most)
      : used(after.used), id(after.id), most(static_cast<long long>(at_most)) {}
  std::string used;
  long long id, most;
};

// The hashes of the narinfos that lead to a NAR.
Result<std::vector<nix::StorePathHash>> narinfos_of(soci::session& sql, long long nar_id) {
  std::string hash;
  soci::statement statement = (sql.prepare << kNarInfosOfNar, soci::into(hash), soci::use(nar_id));
  std::vector<nix::StorePathHash> hashes;
  for (bool more = statement.execute(true); more; more = statement.fetch()) {
    auto parsed = nix::StorePathHash::parse(hash);
    if (!parsed) return unreadable(parsed.error());
    hashes.push_back(*parsed);
  }
  std::ranges::sort(hashes);
  return hashes;
}

long long count(soci::session& sql, std::string_view statement) {
  long long n = 0;
  sql << statement, soci::into(n);
  return n;
}

// Whether the row is as it was when it was listed, and is changed or deleted now.
bool changed(soci::session& sql, std::string_view statement, const Place& place,
             std::uint64_t fence) {
  auto limit = fence_limit(fence);
  soci::statement drop =
      (sql.prepare << statement, soci::use(place.id), soci::use(place.used), soci::use(limit));
  drop.execute(true);
  return drop.get_affected_rows() != 0;
}

bool exists(soci::session& sql, std::string_view statement, const std::string& name) {
  long long n = 0;
  sql << statement, soci::into(n), soci::use(name);
  return n != 0;
}

// Whether the NAR's row is as drop() leaves it: not used since it was listed, not at rest, without narinfos.
bool is_dropped(soci::session& sql, const Place& place) {
  long long n = 0;
  sql << "SELECT count(*) FROM nar_urls WHERE id = :id AND stored_size IS NULL AND "
         "last_accessed_at = :at AND NOT EXISTS (SELECT 1 FROM narinfos WHERE nar_url_id = :of)",
      soci::into(n), soci::use(place.id), soci::use(place.used), soci::use(place.id);
  return n != 0;
}

std::string_view note_object_statement(const Dialect& dialect) {
  if (dialect.name() == "mysql")
    return "INSERT INTO kept_objects (name, size, last_accessed_at) VALUES (:name, :size, :at) "
           "ON DUPLICATE KEY UPDATE size = VALUES(size), "
           "last_accessed_at = VALUES(last_accessed_at)";
  return "INSERT INTO kept_objects (name, size, last_accessed_at) VALUES (:name, :size, :at) "
         "ON CONFLICT (name) DO UPDATE SET size = excluded.size, "
         "last_accessed_at = excluded.last_accessed_at";
}

}  // namespace

std::string nar_total_statement(std::string_view at_rest) {
  return "SELECT count(*), coalesce(sum(stored_size), 0) FROM nar_urls WHERE " +
         std::string(at_rest);
}

std::string kept_nars_statement(std::string_view at_rest) {
  return "SELECT id, url, stored_size, last_accessed_at, "
         "CASE WHEN upstream = '' THEN 1 ELSE 0 END FROM nar_urls WHERE " +
         std::string(at_rest) +
         " AND last_accessed_at >= :at AND (last_accessed_at > :beyond OR id > :id) "
         "ORDER BY last_accessed_at, id LIMIT :most";
}

KeptTotals kept_totals(const Dialect& dialect, soci::session& sql) {
  long long nars = 0, nar_bytes = 0, objects = 0, object_bytes = 0;
  sql << nar_total_statement(dialect.at_rest()), soci::into(nars), soci::into(nar_bytes);
  sql << "SELECT count(*), coalesce(sum(size), 0) FROM kept_objects", soci::into(objects),
      soci::into(object_bytes);
  auto narinfos = count(sql, "SELECT count(*) FROM narinfos");
  return {.nars = static_cast<std::uint64_t>(nars),
          .nar_bytes = static_cast<std::uint64_t>(nar_bytes),
          .narinfos = static_cast<std::uint64_t>(narinfos),
          .objects = static_cast<std::uint64_t>(objects),
          .object_bytes = static_cast<std::uint64_t>(object_bytes)};
}

Result<std::vector<KeptNar>> kept_nars(const Dialect& dialect, soci::session& sql,
                                       const Place& after, std::size_t most,
                                       std::chrono::sys_seconds grace_from) {
  Page page(after, most);
  long long id = 0, size = 0;
  int nobodys = 0;
  std::string url, used;
  auto grace = print_time(grace_from);
  std::vector<KeptNar> nars;
  {
    soci::statement statement =
        (sql.prepare << kept_nars_statement(dialect.at_rest()), soci::into(id), soci::into(url),
         soci::into(size), soci::into(used), soci::into(nobodys), soci::use(page.used),
         soci::use(page.used), soci::use(page.id), soci::use(page.most));
    for (bool more = statement.execute(true); more; more = statement.fetch()) {
      auto parsed = nix::NarUrl::parse(url);
      if (!parsed) return unreadable(parsed.error());
      bool lately = nobodys != 0 && used > grace;
      nars.push_back({.url = std::move(*parsed),
                      .size = static_cast<std::uint64_t>(size),
                      .narinfos = {},
                      .awaits_narinfo = lately,
                      .place = {.used = used, .id = id}});
    }
  }
  for (auto& nar : nars) {
    TRY(nar.narinfos, narinfos_of(sql, nar.place.id));
    nar.awaits_narinfo = nar.awaits_narinfo && nar.narinfos.empty();
  }
  return nars;
}

Result<std::vector<KeptNarInfo>> kept_narinfos(soci::session& sql, const Place& after,
                                               std::size_t most) {
  Page page(after, most);
  long long id = 0, size = 0;
  soci::indicator at_rest{};
  std::string hash, used;
  soci::statement statement = (sql.prepare << kKeptNarInfos, soci::into(id), soci::into(hash),
                               soci::into(used), soci::into(size, at_rest), soci::use(page.used),
                               soci::use(page.used), soci::use(page.id), soci::use(page.most));
  std::vector<KeptNarInfo> narinfos;
  for (bool more = statement.execute(true); more; more = statement.fetch()) {
    auto parsed = nix::StorePathHash::parse(hash);
    if (!parsed) return unreadable(parsed.error());
    narinfos.push_back(
        {.hash = *parsed, .nar_at_rest = at_rest == soci::i_ok, .place = {.used = used, .id = id}});
  }
  return narinfos;
}

std::vector<KeptObject> kept_objects(soci::session& sql, const Place& after, std::size_t most) {
  Page page(after, most);
  long long id = 0, size = 0;
  std::string name, used;
  soci::statement statement = (sql.prepare << kKeptObjects, soci::into(id), soci::into(name),
                               soci::into(size), soci::into(used), soci::use(page.used),
                               soci::use(page.used), soci::use(page.id), soci::use(page.most));
  std::vector<KeptObject> objects;
  for (bool more = statement.execute(true); more; more = statement.fetch())
    objects.push_back(
        {.key = name, .size = static_cast<std::uint64_t>(size), .place = {.used = used, .id = id}});
  return objects;
}

bool drop(soci::session& sql, const KeptNar& nar, std::uint64_t fence, Try which) {
  soci::transaction all(sql);
  if (!changed(sql, kDropNar, nar.place, fence))
    return which == Try::again && is_dropped(sql, nar.place);
  // Now the row is ours: no narinfo comes to lead to it before we are done.
  auto narinfos = narinfos_of(sql, nar.place.id);
  if (!narinfos || *narinfos != nar.narinfos) return false;
  sql << "DELETE FROM narinfos WHERE nar_url_id = :id", soci::use(nar.place.id);
  all.commit();
  return true;
}

bool drop(soci::session& sql, const KeptNarInfo& narinfo, std::uint64_t fence, Try which) {
  if (changed(sql, kDropNarInfo, narinfo.place, fence)) return true;
  return which == Try::again && !exists(sql, "SELECT count(*) FROM narinfos WHERE hash = :name",
                                        std::string(narinfo.hash.str()));
}

bool drop(soci::session& sql, const KeptObject& object, std::uint64_t fence, Try which) {
  if (changed(sql, kDropObject, object.place, fence)) return true;
  return which == Try::again &&
         !exists(sql, "SELECT count(*) FROM kept_objects WHERE name = :name", object.key);
}

void note_objects(const Dialect& dialect, soci::session& sql, const std::vector<ObjectUse>& objects,
                  std::chrono::sys_seconds when) {
  std::string at = print_time(when), name;
  long long size = 0;
  soci::statement note = (sql.prepare << note_object_statement(dialect), soci::use(name),
                          soci::use(size), soci::use(at));
  soci::transaction all(sql);
  for (const auto& object : objects) {
    name = object.key;
    size = static_cast<long long>(object.size);
    note.execute(true);
  }
  all.commit();
}

Result<std::vector<Pin>> list_pins(soci::session& sql) {
  std::string hash, path;
  soci::indicator known{};
  soci::statement statement = (sql.prepare << "SELECT hash, store_path FROM pins ORDER BY id",
                               soci::into(hash), soci::into(path, known));
  std::vector<Pin> pins;
  for (bool more = statement.execute(true); more; more = statement.fetch()) {
    auto parsed = nix::StorePathHash::parse(hash);
    if (!parsed) return unreadable(parsed.error());
    pins.push_back({.hash = *parsed, .store_path = known == soci::i_ok ? path : ""});
  }
  return pins;
}

bool add_pin(const Dialect& dialect, soci::session& sql, const Pin& pin) {
  std::string hash(pin.hash.str()), path = pin.store_path;
  auto has_path = path.empty() ? soci::i_null : soci::i_ok;
  bool mysql = dialect.name() == "mysql";
  soci::transaction both(sql);
  soci::statement add = (sql.prepare << (mysql ? "INSERT IGNORE INTO pins (hash, store_path) "
                                                 "VALUES (:hash, :path)"
                                               : "INSERT INTO pins (hash, store_path) "
                                                 "VALUES (:hash, :path) ON CONFLICT DO NOTHING"),
                         soci::use(hash), soci::use(path, has_path));
  add.execute(true);
  bool fresh = add.get_affected_rows() != 0;
  if (!fresh && !pin.store_path.empty())
    sql << "UPDATE pins SET store_path = :path WHERE hash = :hash", soci::use(path),
        soci::use(hash);
  both.commit();
  return fresh;
}

bool remove_pin(soci::session& sql, const nix::StorePathHash& hash) {
  std::string text(hash.str());
  soci::statement remove = (sql.prepare << "DELETE FROM pins WHERE hash = :hash", soci::use(text));
  remove.execute(true);
  return remove.get_affected_rows() != 0;
}

}  // namespace ncps::db
