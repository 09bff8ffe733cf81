// What libFuzzer calls: LLVMFuzzerInitialize once, LLVMFuzzerTestOneInput for each input.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "fuzzing/fuzz_target.h"

namespace {
ncps::fuzzing::Target target = nullptr;
}

// libFuzzer gives these their names.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("FUZZ");
  target = name == nullptr ? nullptr : ncps::fuzzing::find_target(name);
  if (target != nullptr) return 0;
  std::fputs("FUZZ=<target> says what is fuzzed:\n", stderr);
  for (auto each : ncps::fuzzing::target_names())
    std::fprintf(stderr, "  %.*s\n", static_cast<int>(each.size()), each.data());
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target({reinterpret_cast<const char*>(data), size});
  return 0;
}
// NOLINTEND(readability-identifier-naming)
