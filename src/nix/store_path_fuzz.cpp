#include "nix/store_path.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::nix {

FUZZ_TARGET(store_path) {
  constexpr std::string_view kAllowed =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-._?=";
  auto path = StorePath::parse(input);
  auto base = StorePath::parse_base_name(input);
  CHECK(!path || !base);  // no text is both
  if (path) {
    CHECK(path->str() == input && StorePath::parse_base_name(path->base_name()) == *path);
    base = *path;
  }
  if (!base) return;
  CHECK(StorePath::parse(base->str()) == *base);
  std::string_view name = base->base_name();
  CHECK(name.substr(0, 32) == base->hash().str() && name.size() <= 32 + 1 + 211);
  CHECK(name.find_first_not_of(kAllowed) == name.npos);
  CHECK(check_store_path_name(name.substr(33)));
}

}  // namespace ncps::nix
