#include "app/usable.h"

#include <cstdio>

namespace ncps::app {

bool usable(const config::Loaded& loaded) {
  bool good = true;
  for (const auto& mistake : loaded.mistakes) {
    if (mistake.starts_with("--cache-hostname is missing") ||
        mistake.starts_with("--cache-upstream-url is missing"))
      continue;
    std::fprintf(stderr, "ncps: %s\n", mistake.c_str());
    good = false;
  }
  return good;
}

}  // namespace ncps::app
