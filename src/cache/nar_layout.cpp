#include "cache/nar_layout.h"

#include <string>
#include <string_view>

namespace ncps::cache {
namespace {

storage::BlobKey sharded(std::string_view folder, std::string_view name,
                         std::string_view extension) {
  std::string key(folder);
  key.append(name.substr(0, 1)).append("/").append(name.substr(0, 2)).append("/");
  key.append(name).append(extension);
  // Names of NarUrl, StorePathHash and ObjectPath have only characters that a key may have.
  return storage::BlobKey::parse(key).value();
}

}  // namespace

storage::BlobKey nar_key(const nix::NarUrl& url) {
  return sharded("store/nar/", url.file_name(), "");
}

storage::BlobKey narinfo_key(const nix::StorePathHash& hash) {
  return sharded("store/narinfo/", hash.str(), ".narinfo");
}

storage::BlobKey upload_mark_key(const nix::StorePathHash& hash) {
  return sharded("store/uploaded/", hash.str(), "");
}

storage::BlobKey object_key(const nix::ObjectPath& path) {
  auto output = "/" + path.output() + ".doi";
  switch (path.kind()) {
    case nix::ObjectKind::listing: return sharded("store/listing/", path.id(), ".ls");
    case nix::ObjectKind::log: return sharded("store/log/", path.id(), "");
    case nix::ObjectKind::realisation: return sharded("store/realisations/", path.id(), output);
    case nix::ObjectKind::build_trace: return sharded("store/build-trace-v2/", path.id(), output);
    case nix::ObjectKind::debug_info: break;
  }
  return sharded("store/debuginfo/", path.id(), "");
}

storage::BlobKey signing_key_key() {
  return storage::BlobKey::parse("config/cache.key").value();
}

storage::BlobKey previous_signing_key_key() {
  return storage::BlobKey::parse("config/cache.key.previous").value();
}

}  // namespace ncps::cache
