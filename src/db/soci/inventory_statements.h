// What an Inventory asks and writes, in one session. Only for this folder. Everything here throws what
// SOCI throws.
#pragma once

#include "db/inventory.h"
#include "db/soci/dialect.h"

namespace ncps::db {

inline constexpr std::string_view kNarColumns =
    "url, nar_hash, nar_size, compression, file_hash, file_size, upstream, upstream_url, "
    "stored_size, verified_at";
inline constexpr std::string_view kNarInfoPage =
    "SELECT n.hash, u.url, CASE WHEN n.content IS NULL THEN 0 ELSE 1 END, n.uploaded FROM narinfos "
    "n "
    "LEFT JOIN nar_urls u ON u.id = n.nar_url_id WHERE n.hash > :after ORDER BY n.hash LIMIT 500";
std::string nar_page_statement();
inline constexpr std::string_view kObjectPage =
    "SELECT name, size FROM kept_objects WHERE name > :after ORDER BY name LIMIT 500";
inline constexpr std::string_view kPinPage =
    "SELECT hash, store_path FROM pins WHERE hash > :after ORDER BY hash LIMIT 500";
std::string least_verified_statement(std::string_view at_rest, std::size_t most, Time before);

Page<NarInfoEntry> narinfo_page(soci::session& sql, const std::string& after);
Page<NarEntry> nar_page(soci::session& sql, const std::string& after);
Page<ObjectEntry> object_page(soci::session& sql, const std::string& after);
std::optional<ObjectEntry> find_object_entry(soci::session& sql, const std::string& key);
void put_object(soci::session& sql, const Dialect& dialect, const ObjectEntry& object);
void remove_object(soci::session& sql, const std::string& key);
Page<Pin> pin_page(soci::session& sql, const std::string& after);
std::optional<Pin> find_pin(soci::session& sql, const nix::StorePathHash& hash);
std::optional<NarInfoEntry> find_narinfo_entry(soci::session& sql, const std::string& hash);
Result<std::optional<NarEntry>> find_nar_entry(soci::session& sql, const nix::NarUrl& url);
std::optional<KeptText> find_text(soci::session& sql, const std::string& hash);
void mark_gone(soci::session& sql, const nix::NarUrl& url);
void mark_stored(soci::session& sql, const nix::NarUrl& url, std::uint64_t size);
std::vector<NarEntry> least_verified(soci::session& sql, const Dialect& dialect, std::size_t most,
                                     Time before);
void mark_verified(soci::session& sql, const std::vector<nix::NarUrl>& urls, Time when);
void add_nar(soci::session& sql, const Dialect& dialect, const NarRow& row);
void remove_narinfo(soci::session& sql, const std::string& hash,
                    const std::optional<std::string>& text);
Totals totals(soci::session& sql, const Dialect& dialect);
void add_counts(soci::session& sql, const Dialect& dialect, const std::vector<DailyCount>& counts);
std::vector<DailyCount> daily_counts(soci::session& sql, std::size_t days);
void add_upstream_counts(soci::session& sql, const Dialect& dialect,
                         const std::vector<UpstreamCount>& counts);
std::vector<UpstreamCount> upstream_counts(soci::session& sql, std::size_t days);

}  // namespace ncps::db
