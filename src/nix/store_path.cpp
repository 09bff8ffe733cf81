#include "nix/store_path.h"

#include <algorithm>

namespace ncps::nix {
namespace {

constexpr std::size_t kMaxNameLength = 211;

bool is_name_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("+-._?=").contains(c);
}

}  // namespace

Result<void> check_store_path_name(std::string_view name) {
  if (name.empty()) return fail(ErrorKind::invalid, "store path without a name");
  if (name.size() > kMaxNameLength) {
    return fail(ErrorKind::invalid, "store path with a name of more than 211 characters");
  }
  if (!std::ranges::all_of(name, is_name_char)) {
    return fail(ErrorKind::invalid, "store path with a character that names may not have");
  }
  if (name == "." || name == ".." || name.starts_with(".-") || name.starts_with("..-")) {
    return fail(ErrorKind::invalid, "store path with a name that looks like a directory");
  }
  return {};
}

Result<StorePath> StorePath::parse(std::string_view path) {
  if (!path.starts_with(kStoreDir) || !path.substr(kStoreDir.size()).starts_with('/')) {
    return fail(ErrorKind::invalid, "store path outside /nix/store");
  }
  return parse_base_name(path.substr(kStoreDir.size() + 1));
}

Result<StorePath> StorePath::parse_base_name(std::string_view base_name) {
  TRY(auto hash, StorePathHash::parse(base_name.substr(0, StorePathHash::kLength)));
  const auto rest = base_name.substr(StorePathHash::kLength);
  if (!rest.starts_with('-')) {
    return fail(ErrorKind::invalid, "store path without a '-' after its hash");
  }
  TRY(check_store_path_name(rest.substr(1)));
  return StorePath(hash, std::string(base_name));
}

std::string StorePath::str() const {
  std::string path(kStoreDir);
  path += '/';
  path += base_name_;
  return path;
}

}  // namespace ncps::nix
