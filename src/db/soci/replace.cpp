#include "db/soci/replace.h"

#include "db/soci/put.h"

namespace ncps::db {
namespace {

// Makes the row if there is none, and locks it in any case: whoever does the same waits for our end, and
// sees then what we have written. (An INSERT that does nothing would lock nothing.)
std::string_view lock_statement(soci::session& sql) {
  if (sql.get_backend_name() == "mysql")
    return "INSERT INTO narinfos (hash, upstream) VALUES (:hash, '') "
           "ON DUPLICATE KEY UPDATE hash = VALUES(hash)";
  return "INSERT INTO narinfos (hash, upstream) VALUES (:hash, '') "
         "ON CONFLICT (hash) DO UPDATE SET hash = excluded.hash";
}

// As find_narinfo sees it: a row without a NAR's is none.
std::optional<std::string> text_of(soci::session& sql, const std::string& hash) {
  Nullable<std::string> text;
  Nullable<long long> nar;
  sql << "SELECT content, nar_url_id FROM narinfos WHERE hash = :hash",
      soci::into(text.value, text.state), soci::into(nar.value, nar.state), soci::use(hash);
  return nar.get() ? text.get() : std::nullopt;
}

}  // namespace

Result<bool> replace_narinfo(soci::session& sql, const NarInfoRow& narinfo, const NarRow& nar,
                             const std::optional<std::string>& before) {
  PutValues v;
  v.set(narinfo, nar);
  soci::transaction all(sql);  // undone where it is not committed
  sql << lock_statement(sql), soci::use(v.hash);
  if (text_of(sql, v.hash) != before) return false;
  long long id = 0;
  sql << "SELECT id FROM nar_urls WHERE url = :url AND nar_hash = :nh AND compression = :c",
      soci::into(id), soci::use(v.url), soci::use(v.nar_hash), soci::use(v.compression);
  if (!sql.got_data())
    return fail(ErrorKind::conflict, nar.url.str() + " is another NAR's, or was removed just now");
  sql << "UPDATE narinfos SET content = :text, uploaded = :uploaded, nar_url_id = :id, "
         "updated_at = CURRENT_TIMESTAMP WHERE hash = :hash",
      soci::use(v.text.value, v.text.state), soci::use(v.uploaded), soci::use(id),
      soci::use(v.hash);
  all.commit();
  return true;
}

}  // namespace ncps::db
