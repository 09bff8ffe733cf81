// UTF-8 in what strangers send: what is not well-formed is told apart, and replaced. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ncps::telemetry {

// Bytes of the well-formed character that `text` begins with (RFC 3629); 0: there is none.
std::size_t utf8_character(std::string_view text) noexcept;

// `text`, with U+FFFD for each byte that is no part of a well-formed character.
std::string to_utf8(std::string_view text);

}  // namespace ncps::telemetry
