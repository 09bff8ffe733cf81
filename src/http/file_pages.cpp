#include "http/file_pages.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace ncps::http {

bool may_wait_for_disk(std::int64_t got, int error) noexcept {
  // Anything else shows again when it is sent.
  return got < 0 && (error == EAGAIN || error == EOPNOTSUPP);
}

namespace {

bool is_byte_resident(int fd, std::uint64_t at) noexcept {
  char byte;
  iovec to{&byte, 1};
  auto got = ::preadv2(fd, &to, 1, static_cast<off_t>(at), RWF_NOWAIT);
  return !may_wait_for_disk(got, errno);
}

}  // namespace

bool is_resident(int fd, std::uint64_t begin, std::uint64_t size) noexcept {
  constexpr std::uint64_t kStep = 512ull * 1024;
  for (std::uint64_t at = 0; at < size; at += kStep)
    if (!is_byte_resident(fd, begin + at)) return false;
  return size == 0 || is_byte_resident(fd, begin + size - 1);
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
