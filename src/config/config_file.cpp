#include "config/config_file.h"

#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/posix_error.h"

namespace ncps::config {

Result<std::vector<FileEntry>> read_config_file(const std::filesystem::path& path) {
  std::error_code ec;  // a folder opens as a file without contents
  if (std::filesystem::is_directory(path, ec))
    return std::unexpected(posix_error("reading", path.native(), EISDIR));
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || (in.bad()))
    return std::unexpected(posix_error("reading", path.native(), errno == 0 ? EIO : errno));
  auto parsed = path.extension() == ".toml" ? parse_toml(text.str()) : parse_yaml(text.str());
  if (!parsed) return std::unexpected(std::move(parsed).error().while_doing(path.native()));
  return parsed;
}

}  // namespace ncps::config
