#include "base/error.h"

namespace ncps {

std::string_view to_string(ErrorKind kind) noexcept {
  switch (kind) {  // no default: -Wswitch names a forgotten kind
    case ErrorKind::invalid: return "invalid";
    case ErrorKind::not_found: return "not found";
    case ErrorKind::conflict: return "conflict";
    case ErrorKind::corrupt: return "corrupt";
    case ErrorKind::unavailable: return "unavailable";
    case ErrorKind::timeout: return "timeout";
    case ErrorKind::upstream: return "upstream failed";
    case ErrorKind::internal: return "internal";
  }
  return "?";
}

Error Error::while_doing(std::string_view action) && {
  std::string trail;
  trail.reserve(action.size() + 2 + what_.size());
  trail.append(action).append(": ").append(what_);
  what_ = std::move(trail);
  return std::move(*this);
}

}  // namespace ncps
