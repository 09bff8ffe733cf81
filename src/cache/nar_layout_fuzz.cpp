#include "cache/nar_layout.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::cache {

// Whatever a client names has one place of its own in the store, and stays in its folder.
FUZZ_TARGET(nar_layout) {
  if (auto path = nix::ObjectPath::parse(input)) {
    auto key = object_key(*path);
    CHECK(object_of(key) == *path && key.str().starts_with("store/"));
    CHECK(!key.str().starts_with("store/nar") && !key.str().starts_with("store/pin/"));
  }
  if (auto url = nix::NarUrl::parse(input)) {
    auto key = nar_key(*url);
    CHECK(key.str().starts_with("store/nar/") && key.str().ends_with(url->file_name()));
    CHECK(!object_of(key));
  }
  // Nor is a file, whatever lies there, taken for what it is not.
  if (auto key = storage::BlobKey::parse(input))
    if (auto path = object_of(*key)) CHECK(object_key(*path) == *key);
}

}  // namespace ncps::cache
