#include "app/output.h"

#include <cerrno>
#include <cstdio>

#include "base/posix_error.h"

namespace ncps::app {

Result<void> write_out(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return {};
  return std::unexpected(posix_write_error("writing", "the standard output", errno));
}

}  // namespace ncps::app
