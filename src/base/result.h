// Result<T>: a value or an Error, and TRY / CO_TRY to hand an Error up.
//
//   TRY(auto info, parse(text));             // declares info, or returns parse()'s Error
//   CO_TRY(auto size, co_await store.size());  // the same inside a coroutine
//   CO_TRY(co_await store.remove(key));      // without a value to keep
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/error.h"

namespace ncps {

// std::expected that may not be dropped: ignoring a call that returns one does not compile.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
  using Base = std::expected<T, Error>;

 public:
  using Base::Base;
  // An expected is a Result, so that what std's own functions return can be handed up.
  Result(Base base) : Base(std::move(base)) {}  // NOLINT(google-explicit-constructor)
};

inline std::unexpected<Error> fail(ErrorKind kind, std::string what) {
  return std::unexpected(Error(kind, std::move(what)));
}

}  // namespace ncps

#define NCPS_CAT2(a, b) a##b
#define NCPS_CAT(a, b) NCPS_CAT2(a, b)
#define NCPS_PICK(one, two, name, ...) name
#define NCPS_TRY_VOID(tmp, ret, expr) \
  if (auto tmp = (expr); !tmp) ret ::std::unexpected(std::move(tmp).error())
#define NCPS_TRY_DECL(tmp, ret, decl, expr)                \
  auto tmp = (expr);                                       \
  if (!tmp) ret ::std::unexpected(std::move(tmp).error()); \
  decl = *std::move(tmp)
#define NCPS_TRY1(ret, expr) NCPS_TRY_VOID(NCPS_CAT(try_, __LINE__), ret, expr)
#define NCPS_TRY2(ret, decl, expr) NCPS_TRY_DECL(NCPS_CAT(try_, __LINE__), ret, decl, expr)

#define TRY(...) NCPS_PICK(__VA_ARGS__, NCPS_TRY2, NCPS_TRY1)(return, __VA_ARGS__)
#define CO_TRY(...) NCPS_PICK(__VA_ARGS__, NCPS_TRY2, NCPS_TRY1)(co_return, __VA_ARGS__)
