// The program's name and version.
#pragma once

#include <string>
#include <string_view>

namespace ncps::config {

inline constexpr std::string_view kVersion = "0.1.0";

// How we name ourselves to the servers that we ask.
inline std::string user_agent() {
  return "ncps/" + std::string(kVersion);
}

}  // namespace ncps::config
