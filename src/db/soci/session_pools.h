// SessionPools: the connections of one database, and what is made on them. Only for this folder.
//
// Thread-safe. Shared by all that is opened at once.
#pragma once

#include <memory>
#include <optional>

#include "db/eviction.h"
#include "db/pins.h"
#include "db/soci/session_pool.h"

namespace ncps::db {

class SessionPools {
 public:
  // `writer` absent: of a server, who reads may write, too.
  SessionPools(std::unique_ptr<Dialect> dialect, const PoolLimits& readers,
               std::optional<PoolLimits> writer)
      : dialect_(std::move(dialect)), readers_(*dialect_, readers) {
    if (writer) own_writer_.emplace(*dialect_, *writer);
  }

  const Dialect& dialect() const { return *dialect_; }
  SessionPool& reader() { return readers_; }
  SessionPool& writer() { return own_writer_ ? *own_writer_ : readers_; }
  std::size_t calls() const noexcept {
    return readers_.calls() + (own_writer_ ? own_writer_->calls() : 0);
  }

 private:
  const std::unique_ptr<Dialect> dialect_;
  SessionPool readers_;
  std::optional<SessionPool> own_writer_;
};

std::unique_ptr<Eviction> make_eviction(std::shared_ptr<SessionPools> pools);
std::unique_ptr<Pins> make_pins(std::shared_ptr<SessionPools> pools);

}  // namespace ncps::db
