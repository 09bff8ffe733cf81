#include "db/soci/query.h"

#include "base/check.h"
#include "db/soci/dialect.h"

namespace ncps::db {

Query::Query(soci::session& sql, const std::string& text, std::size_t columns,
             std::size_t parameters)
    : columns_(columns), parameters_(parameters), statement_(sql) {
  for (auto& column : columns_) statement_.exchange(soci::into(column.value, column.state));
  for (auto& parameter : parameters_)
    statement_.exchange(soci::use(parameter.value, parameter.state));
  statement_.alloc();
  statement_.prepare(text);
  statement_.define_and_bind();
}

std::vector<Query::Row> Query::rows(const std::vector<std::string>& values) {
  CHECK(values.size() == parameters_.size());
  for (std::size_t i = 0; i < values.size(); ++i) parameters_[i].set(std::optional(values[i]));
  std::vector<Row> found;
  statement_.execute(false);
  while (statement_.fetch()) {
    auto& row = found.emplace_back();
    for (const auto& column : columns_) row.push_back(column.get());
  }
  return found;
}

std::optional<Query::Row> Query::row(const std::vector<std::string>& values) {
  auto found = rows(values);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

long long Query::execute(const std::vector<std::optional<std::string>>& values) {
  CHECK(values.size() == parameters_.size());
  for (std::size_t i = 0; i < values.size(); ++i) parameters_[i].set(values[i]);
  statement_.execute(true);
  return statement_.get_affected_rows();
}

bool has_columns(const Dialect& dialect, soci::session& sql, const std::string& table,
                 const std::string& columns) {
  try {
    sql << "SELECT " << columns << " FROM " << table << " WHERE 1 = 0";
    return true;
  } catch (const std::exception& e) {
    if (dialect.trouble(e) != Trouble::lasting) throw;
    return false;
  }
}

}  // namespace ncps::db
