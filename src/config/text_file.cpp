#include "config/text_file.h"

#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/posix_error.h"

namespace ncps::config {

Result<std::string> read_text_file(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  // A directory opens, and fails only when it is read: that is bad(); nothing to read is fail().
  if (!in || text.bad())
    return std::unexpected(posix_error("reading", path.native(), errno == 0 ? EIO : errno));
  return std::move(text).str();
}

}  // namespace ncps::config
