// Bytes that are to be sent, in one piece of memory that is there only while there are any.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace ncps::http::h2 {

class Output {
 public:
  std::string_view text() const noexcept { return {bytes_.get(), size_}; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  // Space behind text(), valid until the next call; grow() makes some of it part of text().
  char* room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) reserve(std::max({size_ + bytes, 2 * capacity_, kLeast}));
    return bytes_.get() + size_;
  }
  void grow(std::size_t bytes) noexcept { size_ += bytes; }

  void append(std::string_view text) {
    std::memcpy(room(text.size()), text.data(), text.size());
    grow(text.size());
  }

  void clear() noexcept { size_ = 0; }
  void release() noexcept {
    bytes_.reset();
    size_ = capacity_ = 0;
  }

 private:
  static constexpr std::size_t kLeast = 32ul * 1024;

  void reserve(std::size_t capacity) {
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace ncps::http::h2
