#include "config/secret_file.h"

#include <fstream>
#include <sstream>

namespace ncps::config {

Result<std::string> resolve_secret(const std::string& value) {
  constexpr std::string_view kFile = "file:";
  if (!value.starts_with(kFile)) return value;
  auto path = value.substr(kFile.size());
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (in) out << in.rdbuf();
  if (!in) return fail(ErrorKind::invalid, "the file '" + path + "' cannot be read");
  auto text = std::move(out).str();
  constexpr std::string_view kSpace = " \t\r\n";
  auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return fail(ErrorKind::invalid, "the file '" + path + "' is empty");
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace ncps::config
