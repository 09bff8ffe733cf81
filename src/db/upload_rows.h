// UploadRows: rows of what clients send here and remove.
//
// Implementations: those of Catalog, over the same rows; all pass testing/upload_rows_contract.h.
// Thread-safe. Errors of every function: unavailable, if the database cannot be asked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "db/catalog.h"

namespace ncps::db {

class UploadRows {
 public:
  virtual ~UploadRows() = default;

  // A NAR that is at rest (REQUIRES: nar.stored_size), with or without a narinfo that names it. It
  // is used now: its times protect it until its narinfo comes. Errors: conflict, if the URL is
  // another NAR's.
  virtual Task<void> put_nar(NarRow nar) = 0;

  // Keeps a narinfo in place of the one with the text `before` (nullopt: its row has no text, or there is
  // none), and of no other: so of two instances that add signatures to one text at once the later one
  // adds to what the first has made of it. False: somebody was quicker, and nothing was written. Errors:
  // conflict, if its NAR has no row under that URL (any more).
  virtual Task<bool> replace_narinfo(NarInfoRow narinfo, NarRow nar,
                                     std::optional<std::string> before) = 0;

  // The narinfos whose NAR is announced under that URL, at most Catalog::kMostAtOnce of them.
  virtual Task<std::vector<nix::StorePathHash>> narinfos_of(nix::NarUrl url) = 0;

  // Removes the narinfo, and its NAR's row if no other narinfo has that NAR, both at once. The URL
  // of that NAR; nullopt: it is needed still, or there was no such narinfo.
  virtual Task<std::optional<nix::NarUrl>> remove_narinfo(nix::StorePathHash hash) = 0;

  // Removes the NAR's row and all narinfos that have it, at once.
  virtual Task<void> remove_nar(nix::NarUrl url) = 0;
};

}  // namespace ncps::db
