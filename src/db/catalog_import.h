// CatalogImport: many narinfos at once into the rows of a catalog, with the times that they had
// elsewhere. For `ncps import`; a server may serve from the same database meanwhile.
//
// Implementation: db/soci. One batch at a time. Nothing blocks the caller's thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "db/catalog.h"
#include "db/database_time.h"

namespace ncps::db {

struct Times {
  std::optional<Time> created, accessed;
};

struct ImportRow {
  NarInfoRow narinfo;
  NarRow nar;
  // Names for the NAR: the first one that is no other NAR's is taken, in place of those in the rows
  // above. At least one; nar.stored_size is that of the first.
  std::vector<nix::NarUrl> urls;
  // For rows that are new. Absent: those that the table `nars` of the Go program has in this
  // database for a NAR of that name, or those of the narinfo's row there; else now.
  Times narinfo_times, nar_times;
};

struct Imported {
  enum class How : std::uint8_t {
    added,   // or would have been
    known,   // the narinfo had its row; noted was only that its NAR is at rest
    refused  // each of its urls is another NAR's
  };
  How how;
  nix::NarUrl url;  // under which its NAR is announced
};

class CatalogImport {
 public:
  virtual ~CatalogImport() = default;

  // All rows of the batch, or on an Error none of them. A row that is there keeps its times, and
  // what an announced URL means. Errors: unavailable.
  virtual Task<std::vector<Imported>> put(std::vector<ImportRow> batch) = 0;
};

}  // namespace ncps::db
