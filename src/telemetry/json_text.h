// A JSON string (RFC 8259) of whatever strangers send. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ncps::telemetry {

// Appends `text` in quotes. Each byte that is no part of a well-formed character becomes U+FFFD. What
// would end a line, or tell a terminal what to do (C0, DEL, C1), is escaped.
void append_json(std::string& out, std::string_view text);

}  // namespace ncps::telemetry
