// Put: writes a narinfo and the way to its NAR, both or neither. Only for this folder.
//
// The statements are prepared once for each session, bound to PutValues. SQLite and PostgreSQL have
// the same upsert; MySQL has its own (mysql_dialect.cpp).
#pragma once

#include <soci/soci.h>

#include <optional>
#include <string>

#include "db/catalog.h"

namespace ncps::db {

// A column that may be NULL, for soci::use and soci::into.
template <class T>
struct Nullable {
  T value{};
  soci::indicator state = soci::i_null;

  template <class U>
  void set(const std::optional<U>& from) {
    state = from ? soci::i_ok : soci::i_null;
    value = from ? static_cast<T>(*from) : T{};
  }
  std::optional<T> get() const {
    return state == soci::i_null ? std::nullopt : std::optional<T>(value);
  }
};

// What a Put's statements are bound to; it must stay where it is.
struct PutValues {
  std::string url, nar_hash, compression, nar_upstream, upstream_url;
  long long nar_size = 0;
  Nullable<std::string> file_hash;
  Nullable<long long> file_size;
  std::string hash, upstream;
  int uploaded = 0;
  Nullable<std::string> text;

  void set(const NarRow& nar);
  void set(const NarInfoRow& narinfo, const NarRow& nar);
};

class Put {
 public:
  virtual ~Put() = default;

  // False: the URL is another NAR's, and nothing was written. Throws.
  virtual bool run(const NarInfoRow& narinfo, const NarRow& nar) = 0;
};

// The row of a URL, unless it is another NAR's; of a NAR that is at rest nothing is changed, and an
// empty upstream changes none.
inline constexpr std::string_view kUpsertNar =
    "INSERT INTO nar_urls (url, nar_hash, nar_size, compression, file_hash, file_size, upstream, "
    "upstream_url) VALUES (:url, :nh, :ns, :c, :fh, :fs, :up, :uu) "
    "ON CONFLICT (url) DO UPDATE SET "
    "file_hash = CASE WHEN nar_urls.stored_size IS NULL THEN excluded.file_hash "
    "ELSE nar_urls.file_hash END, "
    "file_size = CASE WHEN nar_urls.stored_size IS NULL THEN excluded.file_size "
    "ELSE nar_urls.file_size END, "
    "upstream = CASE WHEN nar_urls.stored_size IS NULL AND excluded.upstream <> '' "
    "THEN excluded.upstream ELSE nar_urls.upstream END, "
    "upstream_url = CASE WHEN nar_urls.stored_size IS NULL THEN excluded.upstream_url "
    "ELSE nar_urls.upstream_url END "
    "WHERE nar_urls.nar_hash = excluded.nar_hash "
    "AND nar_urls.compression = excluded.compression";

inline constexpr std::string_view kUpdateNarInfo =
    "ON CONFLICT (hash) DO UPDATE SET content = excluded.content, "
    "upstream = CASE WHEN excluded.upstream <> '' THEN excluded.upstream "
    "ELSE narinfos.upstream END, "
    "uploaded = excluded.uploaded, "
    "nar_url_id = excluded.nar_url_id, updated_at = CURRENT_TIMESTAMP";

}  // namespace ncps::db
