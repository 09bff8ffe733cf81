// Percent-decoding of a request path. Source: RFC 3986 section 2.1.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::http {

// Decodes once ('+' stays '+'), and makes one '/' of several. Errors: invalid: a broken escape, a
// NUL or other control character, a byte beyond ASCII, a "." or ".." segment (also if it was
// encoded).
Result<std::string> decode_path(std::string_view path);

}  // namespace ncps::http
