// Inventory: all the rows of a catalog, page by page, and what was found out about them. For what
// looks at everything: fsck, the scrub, stats. A server may write to the same rows meanwhile.
//
// Implementation: db/soci, for its three databases; what is not tested by testing/inventory_contract.h
// is not promised here. Thread-safe. Nothing blocks the caller's thread. Errors of every function:
// unavailable, if the database cannot be asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "db/catalog.h"
#include "db/database_time.h"
#include "db/pins.h"

namespace ncps::db {

struct NarInfoEntry {
  std::string hash;                    // as it stands there: the Go program may have written it
  std::optional<nix::NarUrl> nar_url;  // absent: it leads to no NAR, and nothing is served from it
  bool has_text;                       // false: only the store's file has it
  bool uploaded = false;               // a client sent it, no upstream's key need have signed it
};

struct KeptText {
  std::string text;
  bool uploaded;  // a client sent it
};

struct NarEntry {
  NarRow row;
  std::optional<Time> verified;  // when its bytes at rest were last found right; absent: never
};

// A log, a listing, a realisation or a debug link that counts.
struct ObjectEntry {
  std::string key;  // in the store
  std::uint64_t size;
};

template <class Entry>
struct Page {
  std::vector<Entry> entries;
  std::string last;              // asks for the next page
  bool end = true;               // nothing comes after it
  std::uint64_t unreadable = 0;  // rows that were passed over: nothing sensible stands there
};

// What the rows say is kept, by the upstream that it came from; empty: found in the store, uploaded.
struct UpstreamTotal {
  std::string upstream;
  std::uint64_t announced = 0;  // NARs that can be fetched from there again, at rest or not
  std::uint64_t at_rest = 0;    // NARs
  std::uint64_t bytes = 0;      // at rest
};

struct ListedNar {
  StoredNar nar;
  Time created, used;
};

// Of the NARs at rest, those whose URL was announced first on that day.
struct DayTotal {
  std::string day;  // UTC, "2026-11-22"
  std::uint64_t nars = 0, bytes = 0;
};

struct Totals {
  std::uint64_t narinfos = 0;
  std::vector<UpstreamTotal> upstreams;    // the one with the most bytes first; kMostUpstreams
  std::vector<ListedNar> largest, oldest;  // at rest; oldest: used longest ago; kExamples each
  std::vector<DayTotal> days;              // the latest kMostDays, the latest first
  static constexpr std::size_t kMostUpstreams = 100, kExamples = 10, kMostDays = 30;
};

// What happened on one day (UTC, "2026-11-22"), under a name such as "nar_hit".
struct DailyCount {
  std::string day, name;
  std::uint64_t number = 0, bytes = 0;
};

// The same of one upstream, by its name (ASCII, at most kMostUpstreamName); empty: of none, it was
// uploaded or found in the store.
struct UpstreamCount {
  std::string day, upstream, name;
  std::uint64_t number = 0, bytes = 0;
  static constexpr std::size_t kMostUpstreamName = 255;
};

class Inventory {
 public:
  // A page has at most so many entries, and so has a list that is given.
  static constexpr std::size_t kPage = 500;

  virtual ~Inventory() = default;

  // Those whose hash, or URL, comes after `after`, in the order of the database. It is that of their
  // bytes; where it is not (a collation), whoever compares two lists must look at each difference.
  virtual Task<Page<NarInfoEntry>> narinfos(std::string after) = 0;
  virtual Task<Page<NarEntry>> nars(std::string after) = 0;

  // One of them. nullopt: there is no such row.
  virtual Task<std::optional<NarInfoEntry>> find_narinfo(std::string hash) = 0;
  virtual Task<std::optional<NarEntry>> find_nar(nix::NarUrl url) = 0;
  // The narinfo's text. nullopt: there is no such row, or none in it.
  virtual Task<std::optional<KeptText>> find_text(std::string hash) = 0;

  // The same of other objects, by their keys.
  virtual Task<Page<ObjectEntry>> objects(std::string after) = 0;
  virtual Task<std::optional<ObjectEntry>> find_object(std::string key) = 0;
  // It is in the store, with so many bytes. A new row counts as used now; one that is there keeps when
  // it was used.
  virtual Task<void> put_object(ObjectEntry object) = 0;
  virtual Task<void> remove_object(std::string key) = 0;

  // The same of pins, by their hashes. They are added and removed through Pins.
  virtual Task<Page<Pin>> pins(std::string after) = 0;
  virtual Task<std::optional<Pin>> find_pin(nix::StorePathHash hash) = 0;

  // NARs at rest, those first that were verified longest ago, or never; at most `most`, of those
  // that were not verified since `before`.
  virtual Task<std::vector<NarEntry>> least_verified(std::size_t most, Time before) = 0;

  // Their bytes at rest were found right then. All or none of it is noted.
  virtual Task<void> mark_verified(std::vector<nix::NarUrl> urls, Time when) = 0;

  // It is not at rest any more; the way to fetch it again stays.
  virtual Task<void> mark_gone(nix::NarUrl url) = 0;

  // It is at rest, with so many bytes; when they were verified stays as it is.
  virtual Task<void> mark_stored(nix::NarUrl url, std::uint64_t size) = 0;

  // A NAR at rest that no narinfo names gets its row. One that is there stays as it is.
  virtual Task<void> add_nar(NarRow row) = 0;

  // Forgets a narinfo from which nothing can be served, if its text is still this one (absent: it has
  // none). Its NAR's row stays.
  virtual Task<void> remove_narinfo(std::string hash, std::optional<std::string> text) = 0;

  // Reads through all rows: for people who ask, not for a timer.
  virtual Task<Totals> totals() = 0;

  // Adds to what was counted on those days. All or none of it.
  virtual Task<void> add_counts(std::vector<DailyCount> counts) = 0;

  // Of the last `days` days that have any, the latest first.
  virtual Task<std::vector<DailyCount>> counts(std::size_t days) = 0;
  // Older ones are removed by add_counts, but not on a day that is far beyond all others: a clock may be wrong.
  static constexpr std::size_t kMostDays = 400;

  // The same for upstreams. Sums of the last `days` days that have any, by upstream and name, without a day.
  virtual Task<void> add_upstream_counts(std::vector<UpstreamCount> counts) = 0;
  virtual Task<std::vector<UpstreamCount>> upstream_counts(std::size_t days) = 0;
};

}  // namespace ncps::db
