#include "config/private_file.h"

#include <sys/stat.h>

#include "config/text_file.h"

namespace ncps::config {

Result<std::string> read_private_file(const std::string& path) {
  struct stat info{};
  bool others_read =
      ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IROTH) != 0;
  if (others_read)
    return fail(ErrorKind::invalid, "can be read by everybody; make it private: chmod o-r");
  auto text = read_text_file(path);
  if (!text) return fail(ErrorKind::invalid, "cannot be read");
  return text;
}

}  // namespace ncps::config
