// GoDatabase: what later versions of the Go program keep in their database: narinfos in columns,
// names of files, their secret key. Only read.
//
// Implementation: db/soci. Nothing blocks the caller's thread. Errors of every function:
// unavailable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "db/catalog_import.h"

namespace ncps::db {

// A file that it may have stored for a narinfo.
struct GoNarFile {
  std::string hash;         // its name is "<hash>.nar", with an extension
  std::string compression;  // "none": the file is compressed with zstd, or is not
  bool in_chunks;           // there is no such file, only pieces of it
  Times times;
};

struct GoNarInfo {
  std::string hash;                 // of the store path, unchecked
  std::optional<std::string> text;  // of a narinfo, unchecked; absent: the columns do not make one
  std::string upstream_url;         // the URL line of its upstream; empty: as in the text
  Times times;
  std::vector<GoNarFile> files;
};

struct GoPage {
  std::vector<GoNarInfo> narinfos;  // none: that was the end
  std::int64_t last = 0;            // asks for the next page
};

class GoDatabase {
 public:
  virtual ~GoDatabase() = default;

  // The next narinfos after `last`, 0 at first; some hundreds. What comes or goes meanwhile is among
  // them or not.
  virtual Task<GoPage> narinfos(std::int64_t last) = 0;

  // nullopt: it has none.
  virtual Task<std::optional<std::string>> secret_key() = 0;
};

// The columns of one narinfo, as its database has them; absent: NULL.
struct GoColumns {
  std::optional<std::string> store_path, url, compression, file_hash, file_size, nar_hash, nar_size,
      deriver, system, ca;
  std::vector<std::string> references, signatures;
};

// The text that they make. nullopt: one that a narinfo must have is missing, or one holds a line
// break or another control character. Pure.
std::optional<std::string> narinfo_text(const GoColumns& columns);

}  // namespace ncps::db
