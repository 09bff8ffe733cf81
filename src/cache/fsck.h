// fsck: whether store and database agree, and whether what lies in the store is right; and mending
// of what is not.
//
// Goes through the pins, then the narinfos, then through logs, listings and the like, then through the NARs: each time the listing of the store and the rows
// of the database, side by side, in the order of their names. What looks wrong is looked at again
// after a while, one by one, before it counts: a server may be at work. Mending never removes what is
// right or what could not be read; done twice, the second time has nothing to do. It can make all
// rows anew from the store.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cache/adoption.h"
#include "cache/nar_check.h"

namespace ncps::cache {

enum class Flaw : std::uint8_t {
  narinfo_without_file,  // its row is there
  narinfo_without_row,   // or with a row that leads to no NAR
  narinfo_corrupt,       // file or row is not the narinfo of that path
  narinfo_not_trusted,   // whole, but the keys of today do not vouch for it
  nar_absent,            // its row says that it is at rest, or it is an upload that is promised
  nar_not_noted,         // at rest, but its row does not say so
  nar_without_row,       // at rest
  nar_of_other_size,     // than its row says
  nar_corrupt,           // its bytes are not those that were announced
  object_without_row,    // a log, listing, realisation or debug link that does not count
  object_absent,         // its row is there
  object_of_other_size,  // than its row says
  pin_without_file,      // its row is there
  pin_without_row,
  leftover,  // a temporary file, or an upload, of a process that is gone
};
inline constexpr std::size_t kFlaws = 15;

std::string_view to_string(Flaw flaw) noexcept;  // "NAR at rest without row"
std::string_view name_of(Flaw flaw) noexcept;    // "nar_without_row"

struct FlawCount {
  std::uint64_t found = 0, mended = 0;
};

struct FsckSummary {
  std::array<FlawCount, kFlaws> flaws;
  Count narinfos, nars, objects;      // that lie in the store, and their bytes
  Count verified;                     // NARs whose bytes were read and right
  std::uint64_t strange = 0;          // files in the store's folders that are none; left alone
  std::uint64_t unchecked = 0;        // could not be read, or not mended
  std::vector<std::string> examples;  // one line each, of all this; kExamples
  static constexpr std::size_t kExamples = 50;
  double part_done = 0;  // of all of it, 0 to 1, roughly

  const FlawCount& operator[](Flaw flaw) const { return flaws[static_cast<std::size_t>(flaw)]; }
  FlawCount& operator[](Flaw flaw) { return flaws[static_cast<std::size_t>(flaw)]; }
  std::uint64_t found() const;
  std::uint64_t mended() const;
};

struct FsckOptions {
  Changes changes = Changes::none;
  bool note_verified = false;                  // write down which NARs were read and right
  bool verify_content = false;                 // read every NAR and narinfo
  std::optional<db::Time> not_verified_since;  // NARs verified since then are not read again
  // A NAR without row that was published later than this may still get its narinfo.
  db::Time grace_from = db::Time::min();
  // An object that was published later than this may not be noted yet.
  db::Time objects_grace_from = db::Time::min();
  // With Changes::all: what BlobStore::leftovers said before the store was opened to be written, which
  // may have removed it. Otherwise the store is asked.
  std::vector<std::string> leftovers;
  // Between the two looks at what seems wrong: more than a slow disk and database take from a file to its row.
  std::chrono::milliseconds settling{10'000};
};

struct FsckDeps {
  Runtime& runtime;
  storage::BlobStore& store;
  db::Inventory& inventory;
  NarInfoJudge& judge;
  Pool& cpu;
  db::CatalogImport* import;       // to make rows of narinfos; nullptr with Changes::none
  db::Catalog* catalog = nullptr;  // to see and to remove those of uploads
  db::Pins* pins = nullptr;        // to make rows of pins; nullptr with Changes::none
};

// `progress` is called now and then. Memory: some pages of rows, and 10,000 names that wait for their
// second look. Errors: unavailable: a listing cannot be read, and the rest was not looked at.
Task<FsckSummary> fsck(FsckDeps deps, FsckOptions options,
                       std::function<void(const FsckSummary&)> progress);

}  // namespace ncps::cache
