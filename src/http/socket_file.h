// The file by which clients find a Unix socket.
//
// Who may connect is decided by the folder: the file itself has mode 0666, so give the folder the
// owner, group and mode that clients need.
//
// Limit: two instances that begin on the same path within the same microseconds are not told
// apart; the later one has the path then.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace ncps::http {

// Removes what a dead process has left at `path`. Only a socket at which connecting is refused
// goes: a server that answers, a file of another kind, and whatever cannot be found out are Errors
// and stay. Absence is success. Errors: unavailable, without the path.
Result<void> remove_stale_socket(const std::string& path);

// Removes its file when destroyed, unless another file lies there by then. Must go before the
// socket is closed: until then no other file can get the same inode number.
class SocketFile {
 public:
  // Of a socket that has just been bound to `path`; lets everybody connect. Errors: unavailable.
  static Result<SocketFile> adopt(std::string path);

  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();

 private:
  SocketFile(std::string path, dev_t device, ino_t inode);

  std::string path_;  // empty: moved from
  dev_t device_;
  ino_t inode_;
};

}  // namespace ncps::http
