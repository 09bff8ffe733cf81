// The body of a response in HTTP/2, as far as it may be sent now: pieces are offered one after the
// other, and pulled when the client has room for them.
//
// A file is read when it is pulled, and only if that does not wait for the disk: a client that takes
// nothing costs no memory here. Belongs to the session's thread; never suspends.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "http/h2/machine.h"
#include "rt/byte_source.h"

namespace ncps::http {

class H2Outgoing {
 public:
  // REQUIRES: empty(). The piece lives until empty() or drop().
  void offer(Piece piece) {
    piece_ = piece;
    warm_until_ = 0;
  }
  void end() { ended_ = true; }  // what has been offered is the end
  void drop() {
    piece_ = std::string_view();
    cold_.reset();
  }

  bool empty() const noexcept { return piece_size(piece_) == 0; }
  std::uint64_t sent() const noexcept { return sent_; }
  const std::string& failure() const noexcept { return failure_; }  // why a pull was `broken`

  h2::Pulled pull(std::span<char> to);

  // A stretch of the file that pull() would have waited for; warmed() when it is in memory.
  std::optional<FileSpan> cold() const noexcept { return cold_; }
  void warmed() noexcept;

 private:
  std::optional<std::size_t> read_file(FileSpan& span, std::span<char> to);

  Piece piece_ = std::string_view();
  bool ended_ = false;
  std::uint64_t sent_ = 0;
  std::optional<FileSpan> cold_;
  std::uint64_t warm_until_ = 0;  // in the file that is offered
  std::string failure_;
};

}  // namespace ncps::http
