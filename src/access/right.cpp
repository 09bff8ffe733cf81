#include "access/right.h"

namespace ncps::access {

std::string_view to_string(Right right) noexcept {
  switch (right) {
    case Right::read: return "read";
    case Right::write: return "write";
    case Right::remove: return "delete";
    case Right::admin: return "admin";
  }
  return "";
}

std::optional<Right> parse_right(std::string_view text) noexcept {
  for (auto right : {Right::read, Right::write, Right::remove, Right::admin})
    if (text == to_string(right)) return right;
  return std::nullopt;
}

}  // namespace ncps::access
