// Session: one connection, with its prepared statements. Only for this folder.
#pragma once

#include <memory>

#include "base/unique_fd.h"
#include "db/soci/statements.h"

namespace ncps::db {

class Session {
 public:
  // Connects. Throws.
  explicit Session(const Dialect& dialect);
  ~Session();  // does not wait for the server

  soci::session& sql() { return *sql_; }
  Statements& statements() { return statements_; }

  // Ends every wait for the server, now and from now on. From any thread.
  void cut() noexcept;

 private:
  std::unique_ptr<soci::session> sql_;
  // Our own descriptor of its socket: libpq closes its one when it sees fit, and then the number is
  // somebody else's.
  const UniqueFd socket_;
  Statements statements_;
};

}  // namespace ncps::db
