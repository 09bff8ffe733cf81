// The known name that is most like a mistyped one.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace ncps::config {

// By the number of characters to insert, remove, replace or swap. Empty if there are no names.
std::string nearest(std::string_view text, const std::set<std::string, std::less<>>& names);

}  // namespace ncps::config
