// ReplyReader: bytes from a Redis server, in pieces as they come, into replies. hiredis reads them.
//
// The bytes are not trusted: what is too large, too deep or no RESP2 is an Error, after which the
// connection is of no use. Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "lock/redis/reply.h"

struct redisReader;  // NOLINT(readability-identifier-naming): theirs

namespace ncps::redis {

class ReplyReader {
 public:
  static constexpr std::size_t kMostBytes = 1024 * 1024;  // of one reply that is not whole yet
  static constexpr std::size_t kMostItems = 20'000;       // of its arrays together

  ReplyReader();
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  // Errors: unavailable.
  Result<void> feed(std::string_view bytes);

  // The next one. nullopt: it is not whole yet. Errors: unavailable.
  Result<std::optional<Reply>> next();

  // Bytes are here that belong to no reply that next() gave.
  bool has_rest() const noexcept;

 private:
  struct Free {
    void operator()(redisReader* reader) const noexcept;
  };
  std::size_t items_ = 0;  // so far, of the reply that is being read
  std::unique_ptr<redisReader, Free> reader_;
};

}  // namespace ncps::redis
