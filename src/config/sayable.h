// What can be shown of a value that may be wrong, and so may hold a secret where none belongs.
#pragma once

#include <string>
#include <string_view>

namespace ncps::config {

// One line. Of a URL no password, also if it is none because of its password; of a secret key its
// name.
std::string sayable(std::string_view value);

}  // namespace ncps::config
