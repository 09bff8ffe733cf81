// ImportStatements: what a CatalogImport asks and writes, in one session. Only for this folder.
//
// The same SQL for all three databases: a look, then an INSERT or UPDATE, in one transaction. What
// comes between fails the transaction, and it is done again. For one thread at a time. Throws.
#pragma once

#include "db/catalog_import.h"
#include "db/soci/query.h"

namespace ncps::db {

class ImportStatements {
 public:
  // `writes` false: only looks. `has_old`: there is a table `nars` of the Go program.
  ImportStatements(soci::session& sql, bool writes, bool has_old);

  Imported put(const ImportRow& row);

 private:
  struct KnownUrl {
    std::string id;
    bool stored;
  };
  enum class Whose : std::uint8_t { nobodys, its, anothers };

  Whose look(const nix::NarUrl& url, const NarRow& nar, KnownUrl& known);
  void note_stored(const nix::NarUrl& url, const ImportRow& row);
  // `of_narinfo`: the times in the row that the narinfo has; absent: it has none.
  void write(const nix::NarUrl& url, const ImportRow& row, Whose whose, const KnownUrl& known,
             const std::optional<Times>& of_narinfo);
  Times times_of(const nix::NarUrl& url, const Times& own, const std::optional<Times>& of_narinfo);

  bool writes_;
  std::optional<Query> find_narinfo_, find_url_, find_old_, insert_url_, note_stored_,
      insert_narinfo_, update_narinfo_;
};

}  // namespace ncps::db
