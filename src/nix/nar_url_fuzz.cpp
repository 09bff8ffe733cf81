#include "nix/nar_url.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::nix {

FUZZ_TARGET(nar_url) {
  auto url = NarUrl::parse(input);
  if (!url) return;
  CHECK(url->str() == input && NarUrl::parse(url->str()) == *url);
  auto file = url->file_name();
  CHECK(file.find_first_not_of(
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.") == file.npos);
  CHECK(!file.starts_with('.') && !file.contains("..") && file.starts_with(url->stem()));
  CHECK(!url->stem().empty() && url->stem().size() <= 128 && url->query().size() <= 512);
  std::string together = "nar/" + std::string(file);
  if (!url->query().empty()) together.append("?").append(url->query());
  CHECK(together == input);
  // What a name says of its hash, a name that we make of that hash says, too.
  if (auto hash = url->hash_in_name()) {
    auto ours = NarUrl::for_nar_hash(*hash, url->likely_compression());
    CHECK(ours.hash_in_name() == *hash && NarUrl::parse(ours.str()) == ours);
    if (auto path = url->store_path_hash_in_name()) {
      auto both = NarUrl::for_store_path(*path, *hash, url->likely_compression());
      CHECK(both.hash_in_name() == *hash && both.store_path_hash_in_name() == *path);
    }
  }
}

}  // namespace ncps::nix
