// An answer as a client of the tests has received it.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ncps::http::testing {

struct Answer {
  unsigned status = 0;  // 0: not even a complete head came
  std::string head;     // with the empty line
  std::string body;
  bool complete = false;  // the body ended as the head said it would

  bool has(std::string_view text) const { return head.find(text) != std::string::npos; }

  // A complete head. REQUIRES: it begins as one of HTTP/1 does.
  void take_head(std::string text) {
    head = std::move(text);
    auto digits = head.substr(9, 3);
    std::from_chars(digits.data(), digits.data() + 3, status);
  }

  // As Content-Length says it.
  std::optional<std::uint64_t> length() const {
    auto at = head.find("Content-Length: ");
    if (at == std::string::npos) return std::nullopt;
    std::uint64_t size = 0;
    std::from_chars(head.data() + at + 16, head.data() + head.size(), size);
    return size;
  }
};

}  // namespace ncps::http::testing
