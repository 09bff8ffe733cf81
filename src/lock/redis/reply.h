// Reply: what a Redis server answers, as a value. Source: RESP2 of the Redis protocol.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ncps::redis {

struct Reply {
  enum class Type : std::uint8_t { nil, status, error, integer, text, array };

  Type type = Type::nil;
  std::int64_t integer = 0;
  std::string text;          // of status, error and text: any bytes
  std::vector<Reply> items;  // of an array

  bool is_error() const noexcept { return type == Type::error; }
  // An error whose first word is this one: "MOVED", "NOSCRIPT".
  bool is_error(std::string_view code) const noexcept;

  // The item, or a nil one where there is none.
  const Reply& at(std::size_t index) const noexcept;
};

// For a message: at most 200 bytes, without control characters.
std::string printable(std::string_view text);

// Without `secret`, wherever a server repeats it or its beginning, cut short: "***" is there instead.
// Before it is made printable, which cuts, too.
std::string without_secret(std::string text, std::string_view secret);

// "array", for a message about an answer that nobody understands.
std::string_view to_string(Reply::Type type) noexcept;

}  // namespace ncps::redis
