#include "db/soci/session.h"

#include <sys/socket.h>

namespace ncps::db {

Session::Session(const Dialect& dialect)
    : sql_(dialect.connect()), socket_(dialect.socket(*sql_)), statements_(dialect, *sql_) {}

// Prepared statements say farewell to the server, each with a round trip: not to one that may be
// gone.
Session::~Session() {
  cut();
}

void Session::cut() noexcept {
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
}

}  // namespace ncps::db
