#include "http/socket_file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/unique_fd.h"
#include "http/listen_address.h"

namespace ncps::http {
namespace {

constexpr mode_t kEverybody = 0666;

std::unexpected<Error> failed(std::string_view what, int error) {
  return fail(ErrorKind::unavailable,
              std::string(what) + ": " + std::generic_category().message(error));
}

bool is_same(const struct stat& info, dev_t device, ino_t inode) noexcept {
  return info.st_dev == device && info.st_ino == inode;
}

// What connecting says: 0 if somebody answers, otherwise errno. Never waits.
int try_to_connect(const std::string& path) noexcept {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path.c_str(), path.size() + 1);
  UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe) return errno;
  auto* generic = reinterpret_cast<sockaddr*>(&to);
  if (::connect(probe.get(), generic, sizeof to) == 0) return 0;
  return errno == EAGAIN ? 0 : errno;  // EAGAIN: its queue is full, so there is one
}

}  // namespace

Result<void> remove_stale_socket(const std::string& path) {
  CHECK(path.size() <= kMaxSocketPath);
  struct stat before{}, now{};
  if (::lstat(path.c_str(), &before) != 0) {
    if (errno == ENOENT) return {};
    return failed("cannot look at it", errno);
  }
  if (!S_ISSOCK(before.st_mode))
    return fail(ErrorKind::unavailable, "what is there is no socket, and stays");
  auto error = try_to_connect(path);
  if (error == 0) return fail(ErrorKind::unavailable, "address in use: a server answers there");
  if (error == ENOENT) return {};  // its server has removed it meanwhile
  if (error != ECONNREFUSED)
    return failed("cannot find out whether the socket there is in use", error);
  if (::lstat(path.c_str(), &now) == 0 && !is_same(now, before.st_dev, before.st_ino))
    return fail(ErrorKind::unavailable, "address in use: another server begins there");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return failed("cannot remove the socket of a dead process", errno);
  return {};
}

Result<SocketFile> SocketFile::adopt(std::string path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return failed("cannot look at the socket", errno);
  SocketFile file(std::move(path), info.st_dev, info.st_ino);
  if (::chmod(file.path_.c_str(), kEverybody) != 0)
    return failed("cannot let everybody connect", errno);
  return file;
}

SocketFile::SocketFile(std::string path, dev_t device, ino_t inode)
    : path_(std::move(path)), device_(device), inode_(inode) {}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile::~SocketFile() {
  struct stat now{};
  if (path_.empty() || ::lstat(path_.c_str(), &now) != 0) return;
  if (is_same(now, device_, inode_)) ::unlink(path_.c_str());
}

}  // namespace ncps::http
