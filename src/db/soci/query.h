// Query: a statement of which every column is read as text. For what is asked seldom, of tables
// whose types differ between databases. Only for this folder.
//
// For one thread at a time, and within the life of its session. What throws, throws what SOCI
// throws.
#pragma once

#include <soci/soci.h>

#include <optional>
#include <string>
#include <vector>

#include "db/soci/put.h"

namespace ncps::db {

class Query {
 public:
  using Row = std::vector<std::optional<std::string>>;

  // `parameters`: how many ":name" are in `text`.
  Query(soci::session& sql, const std::string& text, std::size_t columns,
        std::size_t parameters = 0);

  // The rows, with these values for the parameters, in their order.
  std::vector<Row> rows(const std::vector<std::string>& values = {});
  // The first one.
  std::optional<Row> row(const std::vector<std::string>& values = {});
  // Of a statement that has no columns: how many rows it changed.
  long long execute(const std::vector<std::optional<std::string>>& values);

 private:
  std::vector<Nullable<std::string>> columns_, parameters_;
  soci::statement statement_;
};

// Whether the table has those columns ("a, b"). Throws only if the connection is lost.
class Dialect;
bool has_columns(const Dialect& dialect, soci::session& sql, const std::string& table,
                 const std::string& columns);

}  // namespace ncps::db
