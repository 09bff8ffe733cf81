#include "db/soci/inventory_statements.h"

#include <fmt/format.h>

#include <charconv>

#include "db/soci/query.h"

namespace ncps::db {
namespace {

constexpr std::size_t kNarColumnCount = 10;

std::optional<std::uint64_t> number(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (!text) return std::nullopt;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;  // whatever follows: a sum may be "12.0"
}

// The columns of kNarColumns.
Result<NarEntry> read_nar(const Query::Row& row) {
  auto text = [&](std::size_t column) { return row[column].value_or(""); };
  TRY(auto url, nix::NarUrl::parse(text(0)));
  TRY(auto nar_hash, nix::Hash::parse(text(1)));
  TRY(auto compression, nix::parse_compression(text(3)));
  std::optional<nix::Hash> file_hash;
  if (row[4]) {
    TRY(file_hash, nix::Hash::parse(*row[4]));
  }
  auto seconds = static_cast<std::int64_t>(number(row[9]).value_or(0));
  NarRow nar{.url = std::move(url),
             .nar_hash = nar_hash,
             .nar_size = number(row[2]).value_or(0),
             .compression = compression,
             .file_hash = file_hash,
             .file_size = number(row[5]),
             .upstream = text(6),
             .upstream_url = text(7),
             .stored_size = number(row[8])};
  auto verified = seconds > 0 ? std::optional(Time(std::chrono::seconds(seconds))) : std::nullopt;
  return NarEntry{.row = std::move(nar), .verified = verified};
}

NarInfoEntry read_narinfo(const Query::Row& row) {
  NarInfoEntry entry{.hash = row[0].value_or(""),
                     .nar_url = {},
                     .has_text = row[2] == "1",
                     .uploaded = row[3] == "1"};
  if (row[1])
    if (auto url = nix::NarUrl::parse(*row[1])) entry.nar_url = *std::move(url);
  return entry;
}

// Whether more may come after a page of so many rows.
template <class Entry>
void close_page(Page<Entry>& page, const std::vector<Query::Row>& rows) {
  page.end = rows.size() < Inventory::kPage;
  if (!rows.empty()) page.last = rows.back()[0].value_or("");
}

std::vector<ListedNar> kept(soci::session& sql, const Dialect& dialect, std::string_view order) {
  Query query(sql,
              fmt::format("SELECT url, stored_size, created_at, last_accessed_at FROM nar_urls "
                          "WHERE {} ORDER BY {} LIMIT {}",
                          dialect.at_rest(), order, Totals::kExamples),
              4);
  std::vector<ListedNar> found;
  for (const auto& row : query.rows()) {
    auto url = nix::NarUrl::parse(row[0].value_or(""));
    if (!url) continue;
    found.push_back({.nar = {.url = *std::move(url), .size = number(row[1]).value_or(0)},
                     .created = parse_time(row[2].value_or("")).value_or(Time()),
                     .used = parse_time(row[3].value_or("")).value_or(Time())});
  }
  return found;
}

template <class Count>
std::string latest_day(const std::vector<Count>& counts) {
  std::string latest;
  for (const auto& count : counts) latest = std::max(latest, count.day);
  return latest;
}

constexpr std::chrono::days kMostGap{30};

// Of all that was counted before: then the clock may be wrong, and nothing goes because of it. A day later, if
// it is as it is still, what is old goes.
bool is_far_ahead(soci::session& sql, const std::string& table, const std::string& day) {
  Query query(sql, "SELECT max(day) FROM " + table + " WHERE day < :day", 1, 1);
  auto row = query.row({day});
  if (!row || !row->at(0)) return false;
  auto before = parse_time(*row->at(0) + " 00:00:00"), now = parse_time(day + " 00:00:00");
  return before && now && *now - *before > kMostGap;
}

void remove_old_counts(soci::session& sql, const std::string& table, const std::string& latest) {
  auto day = parse_time(latest + " 00:00:00");
  if (!day) return;
  auto oldest = print_time(*day - std::chrono::days(Inventory::kMostDays)).substr(0, 10);
  Query old(sql, "DELETE FROM " + table + " WHERE day < :day", 0, 1);
  old.execute({oldest});
}

}  // namespace

std::string nar_page_statement() {
  return fmt::format("SELECT {} FROM nar_urls WHERE url > :after ORDER BY url LIMIT {}",
                     kNarColumns, Inventory::kPage);
}

std::string least_verified_statement(std::string_view at_rest, std::size_t most, Time before) {
  return fmt::format(
      "SELECT {} FROM nar_urls WHERE {} AND verified_at < {} ORDER BY verified_at LIMIT {}",
      kNarColumns, at_rest, before.time_since_epoch().count(), most);
}

std::optional<NarInfoEntry> find_narinfo_entry(soci::session& sql, const std::string& hash) {
  Query query(sql,
              "SELECT n.hash, u.url, CASE WHEN n.content IS NULL THEN 0 ELSE 1 END, n.uploaded "
              "FROM narinfos n "
              "LEFT JOIN nar_urls u ON u.id = n.nar_url_id WHERE n.hash = :hash",
              4, 1);
  auto row = query.row({hash});
  if (!row) return std::nullopt;
  return read_narinfo(*row);
}

Result<std::optional<NarEntry>> find_nar_entry(soci::session& sql, const nix::NarUrl& url) {
  Query query(sql, fmt::format("SELECT {} FROM nar_urls WHERE url = :url", kNarColumns),
              kNarColumnCount, 1);
  auto row = query.row({url.str()});
  if (!row) return std::nullopt;
  auto entry = read_nar(*row);
  if (!entry)
    return fail(ErrorKind::unavailable, "a row that cannot be read: " + entry.error().what());
  return entry;
}

std::optional<KeptText> find_text(soci::session& sql, const std::string& hash) {
  Query query(sql, "SELECT content, uploaded FROM narinfos WHERE hash = :hash", 2, 1);
  auto row = query.row({hash});
  if (!row || !row->at(0)) return std::nullopt;
  return KeptText{.text = *row->at(0), .uploaded = number(row->at(1)).value_or(0) != 0};
}

void mark_gone(soci::session& sql, const nix::NarUrl& url) {
  Query query(sql, "UPDATE nar_urls SET stored_size = NULL WHERE url = :url", 0, 1);
  query.execute({url.str()});
}

void mark_stored(soci::session& sql, const nix::NarUrl& url, std::uint64_t size) {
  Query query(sql, "UPDATE nar_urls SET stored_size = :size WHERE url = :url", 0, 2);
  query.execute({std::to_string(size), url.str()});
}

Page<NarInfoEntry> narinfo_page(soci::session& sql, const std::string& after) {
  Query query(sql, std::string(kNarInfoPage), 4, 1);
  auto rows = query.rows({after});
  Page<NarInfoEntry> page;
  close_page(page, rows);
  for (const auto& row : rows) page.entries.push_back(read_narinfo(row));
  return page;
}

Page<NarEntry> nar_page(soci::session& sql, const std::string& after) {
  Query query(sql, nar_page_statement(), kNarColumnCount, 1);
  auto rows = query.rows({after});
  Page<NarEntry> page;
  close_page(page, rows);
  for (const auto& row : rows) {
    auto entry = read_nar(row);
    if (entry)
      page.entries.push_back(*std::move(entry));
    else
      ++page.unreadable;
  }
  return page;
}

Page<ObjectEntry> object_page(soci::session& sql, const std::string& after) {
  Query query(sql, std::string(kObjectPage), 2, 1);
  auto rows = query.rows({after});
  Page<ObjectEntry> page;
  close_page(page, rows);
  for (const auto& row : rows)
    page.entries.push_back({.key = row[0].value_or(""), .size = number(row[1]).value_or(0)});
  return page;
}

std::optional<ObjectEntry> find_object_entry(soci::session& sql, const std::string& key) {
  Query query(sql, "SELECT size FROM kept_objects WHERE name = :name", 1, 1);
  auto row = query.row({key});
  if (!row) return std::nullopt;
  return ObjectEntry{.key = key, .size = number(row->at(0)).value_or(0)};
}

void put_object(soci::session& sql, const Dialect& dialect, const ObjectEntry& object) {
  bool mysql = dialect.name() == "mysql";
  Query query(sql,
              fmt::format("INSERT INTO kept_objects (name, size) VALUES (:name, :size) {}",
                          mysql ? "ON DUPLICATE KEY UPDATE size = VALUES(size)"
                                : "ON CONFLICT (name) DO UPDATE SET size = excluded.size"),
              0, 2);
  query.execute({object.key, std::to_string(object.size)});
}

void remove_object(soci::session& sql, const std::string& key) {
  Query query(sql, "DELETE FROM kept_objects WHERE name = :name", 0, 1);
  query.execute({key});
}

Page<Pin> pin_page(soci::session& sql, const std::string& after) {
  Query query(sql, std::string(kPinPage), 2, 1);
  auto rows = query.rows({after});
  Page<Pin> page;
  close_page(page, rows);
  for (const auto& row : rows) {
    auto hash = nix::StorePathHash::parse(row[0].value_or(""));
    if (hash) page.entries.push_back({.hash = *hash, .store_path = row[1].value_or("")});
    if (!hash) ++page.unreadable;
  }
  return page;
}

std::optional<Pin> find_pin(soci::session& sql, const nix::StorePathHash& hash) {
  Query query(sql, "SELECT store_path FROM pins WHERE hash = :hash", 1, 1);
  auto row = query.row({std::string(hash.str())});
  if (!row) return std::nullopt;
  return Pin{.hash = hash, .store_path = row->at(0).value_or("")};
}

std::vector<NarEntry> least_verified(soci::session& sql, const Dialect& dialect, std::size_t most,
                                     Time before) {
  Query query(sql, least_verified_statement(dialect.at_rest(), most, before), kNarColumnCount);
  std::vector<NarEntry> found;
  for (const auto& row : query.rows())
    if (auto entry = read_nar(row)) found.push_back(*std::move(entry));
  return found;
}

void mark_verified(soci::session& sql, const std::vector<nix::NarUrl>& urls, Time when) {
  Query query(sql,
              fmt::format("UPDATE nar_urls SET verified_at = {} WHERE url = :url",
                          when.time_since_epoch().count()),
              0, 1);
  soci::transaction all(sql);
  for (const auto& url : urls) query.execute({url.str()});
  all.commit();
}

void add_nar(soci::session& sql, const Dialect& dialect, const NarRow& row) {
  bool mysql = dialect.name() == "mysql";
  Query query(sql,
              fmt::format("INSERT {}INTO nar_urls (url, nar_hash, nar_size, compression, "
                          "file_hash, file_size, upstream, upstream_url, stored_size) VALUES "
                          "(:url, :nh, :ns, :c, :fh, :fs, :up, :uu, :ss){}",
                          mysql ? "IGNORE " : "", mysql ? "" : " ON CONFLICT (url) DO NOTHING"),
              0, 9);
  auto text = [](const std::optional<std::uint64_t>& value) {
    return value ? std::optional(std::to_string(*value)) : std::nullopt;
  };
  query.execute({row.url.str(), row.nar_hash.str(), std::to_string(row.nar_size),
                 std::string(nix::to_string(row.compression)),
                 row.file_hash ? std::optional(row.file_hash->str()) : std::nullopt,
                 text(row.file_size), row.upstream, row.upstream_url, text(row.stored_size)});
}

void remove_narinfo(soci::session& sql, const std::string& hash,
                    const std::optional<std::string>& text) {
  if (text) {
    Query query(sql, "DELETE FROM narinfos WHERE hash = :hash AND content = :text", 0, 2);
    query.execute({hash, text});
  } else {
    Query query(sql, "DELETE FROM narinfos WHERE hash = :hash AND content IS NULL", 0, 1);
    query.execute({hash});
  }
}

Totals totals(soci::session& sql, const Dialect& dialect) {
  Totals out;
  Query narinfos(sql, "SELECT count(*) FROM narinfos", 1);
  out.narinfos = number(narinfos.row().value().at(0)).value_or(0);
  Query upstreams(sql,
                  fmt::format("SELECT upstream, count(*), count(stored_size), "
                              "COALESCE(sum(stored_size), 0) AS bytes FROM nar_urls "
                              "GROUP BY upstream ORDER BY bytes DESC LIMIT {}",
                              Totals::kMostUpstreams),
                  4);
  for (const auto& row : upstreams.rows())
    out.upstreams.push_back({.upstream = row[0].value_or(""),
                             .announced = number(row[1]).value_or(0),
                             .at_rest = number(row[2]).value_or(0),
                             .bytes = number(row[3]).value_or(0)});
  Query days(sql,
             fmt::format("SELECT DATE(created_at) AS day, count(*), sum(stored_size) FROM nar_urls "
                         "WHERE {} GROUP BY DATE(created_at) ORDER BY day DESC LIMIT {}",
                         dialect.at_rest(), Totals::kMostDays),
             3);
  for (const auto& row : days.rows())
    out.days.push_back({.day = row[0].value_or(""),
                        .nars = number(row[1]).value_or(0),
                        .bytes = number(row[2]).value_or(0)});
  out.largest = kept(sql, dialect, "stored_size DESC");
  out.oldest = kept(sql, dialect, "last_accessed_at");
  return out;
}

void add_counts(soci::session& sql, const Dialect& dialect, const std::vector<DailyCount>& counts) {
  std::string_view sum =
      "ON CONFLICT (day, name) DO UPDATE SET number = daily_counts.number + excluded.number, "
      "bytes = daily_counts.bytes + excluded.bytes";
  if (dialect.name() == "mysql")
    sum = "ON DUPLICATE KEY UPDATE number = number + VALUES(number), bytes = bytes + VALUES(bytes)";
  Query query(
      sql,
      fmt::format("INSERT INTO daily_counts (day, name, number, bytes) VALUES (:day, :name, :n, "
                  ":b) {}",
                  sum),
      0, 4);
  auto latest = latest_day(counts);
  bool jumped = is_far_ahead(sql, "daily_counts", latest);
  soci::transaction all(sql);
  for (const auto& count : counts) {
    query.execute(
        {count.day, count.name, std::to_string(count.number), std::to_string(count.bytes)});
  }
  if (!jumped) remove_old_counts(sql, "daily_counts", latest);
  all.commit();
}

std::vector<DailyCount> daily_counts(soci::session& sql, std::size_t days) {
  Query which(sql,
              fmt::format("SELECT DISTINCT day FROM daily_counts ORDER BY day DESC LIMIT {}", days),
              1);
  auto rows = which.rows();
  if (rows.empty()) return {};
  Query query(sql,
              "SELECT day, name, number, bytes FROM daily_counts WHERE day >= :day "
              "ORDER BY day DESC, name",
              4, 1);
  std::vector<DailyCount> found;
  for (const auto& row : query.rows({rows.back()[0].value_or("")}))
    found.push_back({.day = row[0].value_or(""),
                     .name = row[1].value_or(""),
                     .number = number(row[2]).value_or(0),
                     .bytes = number(row[3]).value_or(0)});
  return found;
}

void add_upstream_counts(soci::session& sql, const Dialect& dialect,
                         const std::vector<UpstreamCount>& counts) {
  std::string_view sum =
      "ON CONFLICT (day, upstream, name) DO UPDATE SET number = upstream_counts.number + "
      "excluded.number, bytes = upstream_counts.bytes + excluded.bytes";
  if (dialect.name() == "mysql")
    sum = "ON DUPLICATE KEY UPDATE number = number + VALUES(number), bytes = bytes + VALUES(bytes)";
  Query query(sql,
              fmt::format("INSERT INTO upstream_counts (day, upstream, name, number, bytes) VALUES "
                          "(:day, :upstream, :name, :n, :b) {}",
                          sum),
              0, 5);
  auto latest = latest_day(counts);
  bool jumped = is_far_ahead(sql, "upstream_counts", latest);
  soci::transaction all(sql);
  for (const auto& count : counts) {
    query.execute({count.day, count.upstream, count.name, std::to_string(count.number),
                   std::to_string(count.bytes)});
  }
  if (!jumped) remove_old_counts(sql, "upstream_counts", latest);
  all.commit();
}

std::vector<UpstreamCount> upstream_counts(soci::session& sql, std::size_t days) {
  Query which(
      sql, fmt::format("SELECT DISTINCT day FROM upstream_counts ORDER BY day DESC LIMIT {}", days),
      1);
  auto rows = which.rows();
  if (rows.empty()) return {};
  Query query(sql,
              "SELECT upstream, name, sum(number), sum(bytes) FROM upstream_counts "
              "WHERE day >= :day GROUP BY upstream, name ORDER BY upstream, name",
              4, 1);
  std::vector<UpstreamCount> found;
  for (const auto& row : query.rows({rows.back()[0].value_or("")}))
    found.push_back({.day = "",
                     .upstream = row[0].value_or(""),
                     .name = row[1].value_or(""),
                     .number = number(row[2]).value_or(0),
                     .bytes = number(row[3]).value_or(0)});
  return found;
}

}  // namespace ncps::db
