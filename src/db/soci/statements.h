// Statements: those of one session, prepared at first use and then kept. Only for this folder.
//
// For one thread at a time. What throws, throws what SOCI throws; then forget() makes them usable
// again.
#pragma once

#include <memory>

#include "db/soci/dialect.h"

namespace ncps::db {

inline constexpr std::string_view kFindNarInfo =
    "SELECT n.content, n.upstream, n.uploaded, u.url FROM narinfos n "
    "LEFT JOIN nar_urls u ON u.id = n.nar_url_id WHERE n.hash = :hash";
inline constexpr std::string_view kFindNar =
    "SELECT nar_hash, nar_size, compression, file_hash, file_size, upstream, upstream_url, "
    "stored_size FROM nar_urls WHERE url = :url";
inline constexpr std::string_view kMarkStored =
    "UPDATE nar_urls SET stored_size = :size, verified_at = :when, "
    "last_accessed_at = CURRENT_TIMESTAMP WHERE url = :url AND fence <= :fence";

// Each takes a whole batch at once, because each would cost a round trip: many_of() puts it in the
// place of "(:many)". The NARs of narinfos are two steps: MySQL reads a whole table for an UPDATE
// with an IN (SELECT ...).
inline constexpr std::string_view kUseNarInfos =
    "UPDATE narinfos SET last_accessed_at = :at WHERE hash IN (:many)";
inline constexpr std::string_view kNarsOfNarInfos =
    "SELECT nar_url_id FROM narinfos WHERE nar_url_id IS NOT NULL AND hash IN (:many)";
inline constexpr std::string_view kUseNarsById =
    "UPDATE nar_urls SET last_accessed_at = :at WHERE id IN (:many)";
inline constexpr std::string_view kUseNars =
    "UPDATE nar_urls SET last_accessed_at = :at WHERE url IN (:many)";
// With :m0, :m1, ... REQUIRES: count > 0.
std::string many_of(std::string_view statement, std::size_t count);

class Statements {
 public:
  Statements(const Dialect& dialect, soci::session& sql);
  ~Statements();

  // After one of those below threw: SOCI's buffers of a statement that failed go with it only.
  void forget();

  void check();

  // For statements that are prepared anew each time.
  soci::session& sql() { return sql_; }

  // Errors: unavailable, of a row that cannot be read. Throws.
  Result<std::optional<NarInfoRow>> find_narinfo(const nix::StorePathHash& hash);
  Result<std::optional<NarRow>> find_nar(const nix::NarUrl& url);
  void mark_stored(const nix::NarUrl& url, std::uint64_t size, std::uint64_t fence);
  void note_uses(const Uses& uses, std::chrono::sys_seconds when);
  // As UploadRows. Errors: conflict. Throw.
  Result<void> put_nar(const NarRow& nar);
  std::vector<nix::StorePathHash> narinfos_of(const nix::NarUrl& url, std::size_t most);
  Result<std::optional<nix::NarUrl>> remove_narinfo(const nix::StorePathHash& hash);
  void remove_nar(const nix::NarUrl& url);
  // Errors: conflict. Throws.
  Result<void> put(const NarInfoRow& narinfo, const NarRow& nar);

 private:
  class FindNarInfo;
  class FindNar;
  class MarkStored;

  const Dialect& dialect_;
  soci::session& sql_;
  std::unique_ptr<FindNarInfo> find_narinfo_;
  std::unique_ptr<FindNar> find_nar_;
  std::unique_ptr<MarkStored> mark_stored_;
  std::unique_ptr<Put> put_;
};

}  // namespace ncps::db
