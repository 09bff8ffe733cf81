#include "http/file_pages.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace ncps::http {

bool may_wait_for_disk(std::int64_t got, int error) noexcept {
  // Anything else shows again when it is sent.
  return got < 0 && (error == EAGAIN || error == EOPNOTSUPP);
}

// A byte of every part is touched, because readahead may do less than it was asked for.
int warm_up(int fd, std::uint64_t begin, std::uint64_t size, std::uint64_t ahead) noexcept {
  constexpr std::uint64_t kStep = 64ull * 1024;
  auto from = static_cast<off_t>(begin);
  ::posix_fadvise(fd, from, static_cast<off_t>(size + ahead), POSIX_FADV_WILLNEED);
  char byte;
  for (std::uint64_t at = 0; at < size; at += kStep)
    if (::pread(fd, &byte, 1, from + static_cast<off_t>(at)) != 1) return errno;
  return ::pread(fd, &byte, 1, from + static_cast<off_t>(size - 1)) == 1 ? 0 : errno;
}

}  // namespace ncps::http
