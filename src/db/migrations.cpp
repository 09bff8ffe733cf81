#include "db/migrations.h"

#include <algorithm>

namespace ncps::db {
namespace {

bool blank(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == ' ' || c == '\n' || c == '\t'; });
}

}  // namespace

Result<std::vector<Migration>> pending(std::string_view dialect, std::span<const Migration> known,
                                       const std::vector<std::string>& applied) {
  std::vector<Migration> ours;
  std::ranges::copy_if(known, std::back_inserter(ours),
                       [&](const Migration& m) { return m.dialect == dialect; });
  for (const auto& version : applied) {
    auto is_it = [&](const Migration& m) { return m.version == version; };
    if (std::ranges::none_of(ours, is_it)) {
      return fail(ErrorKind::conflict,
                  "the database has schema version " + version +
                      ", which this program does not know: a newer one made it. " +
                      std::string(kTakeOver));
    }
  }
  std::erase_if(ours, [&](const Migration& m) {
    return std::ranges::find(applied, m.version) != applied.end();
  });
  return ours;
}

std::vector<std::string> statements(std::string_view sql) {
  std::vector<std::string> found;
  std::string current;
  while (!sql.empty()) {
    auto end = std::min(sql.find('\n'), sql.size() - 1);
    auto line = sql.substr(0, end + 1);
    sql.remove_prefix(end + 1);
    line = line.substr(0, line.find("--"));
    current.append(line).push_back('\n');
    if (auto semicolon = current.find_last_not_of(" \n\t");
        semicolon != std::string::npos && current[semicolon] == ';') {
      current.resize(semicolon);
      if (!blank(current)) found.push_back(std::move(current));
      current.clear();
    }
  }
  if (!blank(current)) found.push_back(std::move(current));
  return found;
}

}  // namespace ncps::db
