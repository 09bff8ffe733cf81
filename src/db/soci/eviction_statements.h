// The statements of Eviction and Pins, on one session. Only for this folder.
//
// For one thread at a time. What throws, throws what SOCI throws.
#pragma once

#include "db/eviction.h"
#include "db/pins.h"
#include "db/soci/dialect.h"

namespace ncps::db {

// `at_rest`: Dialect::at_rest(). Both read the index alone, or in its order.
std::string nar_total_statement(std::string_view at_rest);
std::string kept_nars_statement(std::string_view at_rest);

inline constexpr std::string_view kNarInfosOfNar =
    "SELECT hash FROM narinfos WHERE nar_url_id = :id";
inline constexpr std::string_view kKeptNarInfos =
    "SELECT n.id, n.hash, n.last_accessed_at, u.stored_size FROM narinfos n "
    "LEFT JOIN nar_urls u ON u.id = n.nar_url_id "
    "WHERE n.last_accessed_at >= :at AND (n.last_accessed_at > :beyond OR n.id > :id) "
    "ORDER BY n.last_accessed_at, n.id LIMIT :most";
inline constexpr std::string_view kKeptObjects =
    "SELECT id, name, size, last_accessed_at FROM kept_objects "
    "WHERE last_accessed_at >= :at AND (last_accessed_at > :beyond OR id > :id) "
    "ORDER BY last_accessed_at, id LIMIT :most";
// Unless the round is another's (fences.h).
inline constexpr std::string_view kDropNar =
    "UPDATE nar_urls SET stored_size = NULL "
    "WHERE id = :id AND stored_size IS NOT NULL AND last_accessed_at = :at "
    "AND NOT EXISTS (SELECT 1 FROM lease_fences WHERE name = 'lru' AND fence > :fence)";
inline constexpr std::string_view kDropNarInfo =
    "DELETE FROM narinfos WHERE id = :id AND last_accessed_at = :at "
    "AND NOT EXISTS (SELECT 1 FROM lease_fences WHERE name = 'lru' AND fence > :fence)";
inline constexpr std::string_view kDropObject =
    "DELETE FROM kept_objects WHERE id = :id AND last_accessed_at = :at "
    "AND NOT EXISTS (SELECT 1 FROM lease_fences WHERE name = 'lru' AND fence > :fence)";

KeptTotals kept_totals(const Dialect& dialect, soci::session& sql);
Result<std::vector<KeptNar>> kept_nars(const Dialect& dialect, soci::session& sql,
                                       const Place& after, std::size_t most,
                                       std::chrono::sys_seconds grace_from);
Result<std::vector<KeptNarInfo>> kept_narinfos(soci::session& sql, const Place& after,
                                               std::size_t most);
std::vector<KeptObject> kept_objects(soci::session& sql, const Place& after, std::size_t most);
// again: one before broke off, so that nobody knows whether it was done. If what it was to do is done, that
// was it: true.
enum class Try : bool { first, again };
bool drop(soci::session& sql, const KeptNar& nar, std::uint64_t fence, Try which);
bool drop(soci::session& sql, const KeptNarInfo& narinfo, std::uint64_t fence, Try which);
bool drop(soci::session& sql, const KeptObject& object, std::uint64_t fence, Try which);
void note_objects(const Dialect& dialect, soci::session& sql, const std::vector<ObjectUse>& objects,
                  std::chrono::sys_seconds when);

Result<std::vector<Pin>> list_pins(soci::session& sql);
bool add_pin(const Dialect& dialect, soci::session& sql, const Pin& pin);
bool remove_pin(soci::session& sql, const nix::StorePathHash& hash);

}  // namespace ncps::db
