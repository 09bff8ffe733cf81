// Whether who asks wants to read a page, by its Accept header. Pure.
//
// Source: RFC 9110, section 12.5.1.
#pragma once

#include <string_view>

namespace ncps::server {

// text/html is named, and JSON is not wanted more: a browser. A client that names neither, or says
// only */*, as curl and scripts do, gets what it has always got. `accept` may be empty, and garbage.
bool prefers_html(std::string_view accept);

}  // namespace ncps::server
