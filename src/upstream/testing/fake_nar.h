// FakeNar: what a FakeUpstream answers when it is asked for a file, with all that may go wrong.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/error.h"
#include "rt/byte_source.h"
#include "rt/testing/gate.h"

namespace ncps::upstream {

inline constexpr std::uint64_t kNoByte = std::numeric_limits<std::uint64_t>::max();

// What one open_file answers.
struct FakeNar {
  std::string bytes;
  std::optional<std::uint64_t> total = {};  // announced; absent: that of `bytes`
  bool says_total = true;
  bool ranges = true;                           // false: begins at 0 whatever is asked for
  std::uint64_t breaks_at = kNoByte;            // an Error before this byte of the file
  std::size_t piece = 16 * 1024;                // bytes at once
  std::shared_ptr<testing::Gate> gate = {};     // waits there ...
  std::uint64_t gate_at = 0;                    // ... before this byte of the file
  std::shared_ptr<testing::Gate> answers = {};  // waits there before it answers at all
  std::optional<Error> refuses = {};            // the answer is this Error
  bool throws = false;                          // a bug: an exception instead of a piece
};

class FakeNarBody final : public ByteSource {
 public:
  FakeNarBody(std::string name, FakeNar nar, std::uint64_t first)
      : name_(std::move(name)), nar_(std::move(nar)), next_(first) {}

  Task<Piece> next() override {
    if (nar_.gate && next_ >= nar_.gate_at) {
      co_await nar_.gate->pass();
      nar_.gate.reset();
    }
    if (nar_.throws) throw std::runtime_error("a bug of the test's own");
    if (next_ >= nar_.breaks_at) co_return fail(ErrorKind::upstream, name_ + ": broke");
    auto end = std::min<std::uint64_t>(nar_.bytes.size(), next_ + nar_.piece);
    end = std::min(end, std::max(nar_.breaks_at, next_));
    if (nar_.gate) end = std::min(end, nar_.gate_at);
    if (next_ >= end) co_return Piece(std::string_view());
    auto part = std::string_view(nar_.bytes).substr(next_, end - next_);
    next_ = end;
    co_return Piece(part);
  }

 private:
  std::string name_;
  FakeNar nar_;
  std::uint64_t next_;
};

}  // namespace ncps::upstream
