// The bytes of a connection that no request has used yet.
//
// Small while the connection is idle (it lies inside the session); grows on the heap for a larger
// head and shrinks again afterwards: ten thousand idle connections shall cost little.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace ncps::http {

class ReadBuffer {
 public:
  static constexpr std::size_t kSmall = 1024;  // holds the head of any Nix client

  std::string_view text() const noexcept { return {data() + begin_, end_ - begin_}; }

  void consume(std::size_t bytes) noexcept {
    begin_ += bytes;
    if (begin_ != end_) return;
    begin_ = end_ = 0;
    large_.reset();
    capacity_ = kSmall;
  }

  // Space to receive into; empty if text() has reached `limit`. Moves text().
  std::span<char> room(std::size_t limit) {
    if (end_ == capacity_ && begin_ > 0) {
      std::memmove(data(), data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == capacity_ && capacity_ < limit) grow(std::min(capacity_ * 4, limit));
    return {data() + end_, capacity_ - end_};
  }

  void received(std::size_t bytes) noexcept { end_ += bytes; }

  // Bytes that were received elsewhere. REQUIRES: text() is empty.
  void put(std::string_view bytes) {
    if (bytes.size() > capacity_) grow(bytes.size());
    std::memcpy(data(), bytes.data(), bytes.size());
    begin_ = 0;
    end_ = bytes.size();
  }

 private:
  char* data() noexcept { return large_ ? large_.get() : small_.data(); }
  const char* data() const noexcept { return large_ ? large_.get() : small_.data(); }

  void grow(std::size_t capacity) {
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    std::memcpy(larger.get(), data(), end_);
    large_ = std::move(larger);
    capacity_ = capacity;
  }

  std::array<char, kSmall> small_;
  std::unique_ptr<char[]> large_;
  std::size_t capacity_ = kSmall;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace ncps::http
