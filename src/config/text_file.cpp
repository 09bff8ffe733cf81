#include "config/text_file.h"

#include <cerrno>
#include <fstream>

#include "base/posix_error.h"

namespace ncps::config {

Result<std::string> read_text_file(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string text;
  char part[4096];
  while (in.read(part, sizeof part) || in.gcount() > 0)
    text.append(part, static_cast<std::size_t>(in.gcount()));
  if (!in.is_open() || in.bad())  // a directory opens, and cannot be read
    return std::unexpected(posix_error("reading", path.native(), errno == 0 ? EIO : errno));
  return text;
}

}  // namespace ncps::config
