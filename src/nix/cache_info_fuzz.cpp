#include "nix/cache_info.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::nix {

FUZZ_TARGET(cache_info) {
  auto info = parse_cache_info(input);
  CHECK(parse_cache_info(print_cache_info(info)) == info);
  if (info.store_dir)
    CHECK(!info.store_dir->empty() && info.store_dir->find('\n') == std::string::npos);
}

}  // namespace ncps::nix
