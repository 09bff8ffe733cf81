#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace ncps {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s (a bug in ncps)\n", file, line, condition);
  std::abort();
}

}  // namespace ncps
