#include "storage/blob_key.h"

#include <algorithm>

namespace ncps::storage {
namespace {

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._+=?-").contains(c);
}

bool well_formed(std::string_view segment) {
  return !segment.empty() && segment != "." && segment != ".." &&
         std::ranges::all_of(segment, allowed);
}

}  // namespace

Result<BlobKey> BlobKey::parse(std::string_view text) {
  for (std::string_view rest = text;;) {
    auto slash = rest.find('/');
    if (!well_formed(rest.substr(0, slash))) {
      return fail(ErrorKind::invalid, "not a blob key: '" + std::string(text.substr(0, 200)) + "'");
    }
    if (slash == rest.npos) return BlobKey(std::string(text));
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace ncps::storage
