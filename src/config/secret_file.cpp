#include "config/secret_file.h"

#include "config/text_file.h"

namespace ncps::config {

Result<std::string> resolve_secret(const std::string& value) {
  constexpr std::string_view kFile = "file:";
  if (!value.starts_with(kFile)) return value;
  auto path = value.substr(kFile.size());
  auto read = read_text_file(path);
  if (!read) return fail(ErrorKind::invalid, "the file '" + path + "' cannot be read");
  auto& text = *read;
  constexpr std::string_view kSpace = " \t\r\n";
  auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return fail(ErrorKind::invalid, "the file '" + path + "' is empty");
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace ncps::config
