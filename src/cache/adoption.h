// Adoption: makes a store that the Go program has filled ours, all of it at once. What is not
// adopted so becomes ours when somebody asks for it, but without the times of its last use.
//
// It goes through the narinfos of the Go program's database, if there is one, then through the
// narinfo files of the store, then through the NARs. Each narinfo is judged as one from an upstream:
// a signature of our own does not count, because the Go program signed also what nobody vouched
// for. Nothing is removed. May run beside a server, and again: what is known is passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cache/changes.h"
#include "cache/nar_info_judge.h"
#include "db/catalog_import.h"
#include "db/go_database.h"
#include "rt/runtime.h"
#include "storage/blob_store.h"

namespace ncps::cache {

struct Count {
  std::uint64_t number = 0, bytes = 0;
};

struct AdoptionSummary {
  std::uint64_t added = 0, known = 0;
  std::map<std::string, std::uint64_t> refused;  // by reason; some reasons, each a fixed sentence
  std::uint64_t redescribed = 0;      // added, with the compression that its file has; was another
  std::uint64_t without_nar = 0;      // added or known, and its NAR is not at rest
  std::uint64_t only_in_chunks = 0;   // of these
  Count nars;                         // at rest
  Count without_narinfo;              // of these, with no narinfo added or known
  std::uint64_t damaged = 0;          // of these, of another size than their narinfo says
  std::vector<std::string> examples;  // one line each: what was refused or damaged; kExamples
  static constexpr std::size_t kExamples = 20;

  std::uint64_t refusals() const;
};

struct AdoptionDeps {
  Runtime& runtime;
  storage::BlobStore& store;
  db::CatalogImport& catalog;
  NarInfoJudge& judge;
  db::GoDatabase* database;  // nullptr: there is none to read
};

// `progress` is called now and then, with what has been done so far. Memory: some hundreds of
// narinfos, and 8 bytes for each NAR that a narinfo names. Errors: unavailable: something could not
// be read or written, and the rest is not adopted.
Task<AdoptionSummary> adopt(AdoptionDeps deps, Changes changes,
                            std::function<void(const AdoptionSummary&)> progress);

// The same for some narinfo files of the store, by their hashes, and nothing else.
Task<AdoptionSummary> adopt_files(AdoptionDeps deps, std::vector<std::string> hashes);

}  // namespace ncps::cache
