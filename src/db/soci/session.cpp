#include "db/soci/session.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <stdexcept>

namespace ncps::db {
namespace {

UniqueFd copy_of(int descriptor) {
  if (descriptor < 0) return {};
  UniqueFd copy(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (!copy) throw std::runtime_error("no descriptor left for a connection");
  return copy;
}

}  // namespace

Session::Session(const Dialect& dialect)
    : sql_(dialect.connect()),
      socket_(copy_of(dialect.socket(*sql_))),
      statements_(dialect, *sql_) {}

// Prepared statements say farewell to the server, each with a round trip: not to one that may be
// gone.
Session::~Session() {
  cut();
}

void Session::cut() noexcept {
  if (socket_.get() >= 0) ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace ncps::db
