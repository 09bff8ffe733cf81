// UTF-8 without NUL: what every database takes as text.
#pragma once

#include <string_view>

namespace ncps::db {

// Source: RFC 3629. No overlong forms, no surrogates, nothing above U+10FFFF, and no NUL.
bool is_plain_utf8(std::string_view text);

}  // namespace ncps::db
