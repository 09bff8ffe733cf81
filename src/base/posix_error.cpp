#include "base/posix_error.h"

#include <cerrno>
#include <system_error>

namespace ncps {

Error posix_error(std::string_view action, std::string_view path, int error_number) {
  auto kind = ErrorKind::unavailable;
  if (error_number == ENOENT || error_number == ENOTDIR) kind = ErrorKind::not_found;
  if (error_number == EEXIST) kind = ErrorKind::conflict;
  std::string what(path);
  what.append(": ").append(std::generic_category().message(error_number));
  return Error(kind, std::move(what)).while_doing(action);
}

Error posix_write_error(std::string_view action, std::string_view path, int error_number) {
  Error error(ErrorKind::unavailable, posix_error(action, path, error_number).what());
  bool full = error_number == ENOSPC || error_number == EDQUOT;
  return full ? std::move(error).for_want_of_space() : error;
}

}  // namespace ncps
