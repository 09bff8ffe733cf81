// CHECK: a condition that only our own bug can break. Stays on in release: says where, then aborts.
#pragma once

namespace ncps {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CHECK(condition) \
  (static_cast<bool>(condition) ? void() : ::ncps::check_failed(#condition, __FILE__, __LINE__))
