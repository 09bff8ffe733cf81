#include "storage/blob_key.h"

#include <filesystem>

#include "fuzzing/fuzz_target.h"

namespace ncps::storage {

FUZZ_TARGET(blob_key) {
  auto key = BlobKey::parse(input);
  if (!key) return;
  std::filesystem::path path(key->str());
  CHECK(key->str() == input && path.is_relative() && path.lexically_normal() == path);
  CHECK(*path.begin() != ".." && !input.contains('\0') && !input.contains('%'));
}

}  // namespace ncps::storage
