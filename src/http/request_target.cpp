#include "http/request_target.h"

#include <algorithm>

#include "http/text.h"

namespace ncps::http {

bool split_target(Request& request) {
  auto rest = request.target;
  // Only visible ASCII, so that a target can be logged and compared as it is.
  if (!std::ranges::all_of(rest, [](char c) { return c > 0x20 && c < 0x7f; })) return false;
  if (!rest.starts_with('/')) {
    auto scheme = rest.find("://");
    if (scheme == std::string_view::npos) return false;
    auto name = rest.substr(0, scheme);
    if (!same_word(name, "http") && !same_word(name, "https")) return false;
    auto begin = rest.find_first_of("/?", scheme + 3);
    if (begin == scheme + 3 || rest.size() == scheme + 3) return false;  // no host
    rest = begin == std::string_view::npos ? std::string_view("/") : rest.substr(begin);
    if (rest.starts_with('?')) {
      request.path = "/";
      request.query = rest.substr(1);
      return true;
    }
  }
  auto mark = rest.find('?');
  request.path = rest.substr(0, mark);
  request.query = mark == std::string_view::npos ? std::string_view() : rest.substr(mark + 1);
  return true;
}

}  // namespace ncps::http
