#include "cache/nar_layout.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ncps::cache {
namespace {

storage::BlobKey sharded(std::string_view folder, std::string_view name,
                         std::string_view extension) {
  std::string key;
  key.reserve(folder.size() + 5 + name.size() + extension.size());
  key.append(folder);
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

storage::BlobKey pin_key(const nix::StorePathHash& hash) {
  return sharded("store/pin/", hash.str(), "");
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

std::optional<nix::ObjectPath> object_of(const storage::BlobKey& key) {
  std::string_view text = key.str();
  // store/<kind>/h/ha/<id>[/<output>.doi]
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at != text.npos && parts.size() < 6;) {
    auto slash = text.find('/', at);
    parts.push_back(text.substr(at, slash == text.npos ? slash : slash - at));
    at = slash == text.npos ? slash : slash + 1;
  }
  if (parts.size() < 5) return std::nullopt;
  auto kind = std::string(parts[1]), id = std::string(parts[4]);
  auto output = parts.size() > 5 ? std::string(parts[5]) : std::string();
  std::string path = kind + "/" + id;
  if (kind == "listing") path = id;
  if (kind == "realisations") path = kind + "/sha256:" + id + "!" + output;
  if (kind == "build-trace-v2") path = kind + "/" + id + "/" + output;
  auto parsed = nix::ObjectPath::parse(path);
  if (!parsed || object_key(*parsed) != key) return std::nullopt;
  return std::move(*parsed);
}

storage::BlobKey signing_key_key() {
  return storage::BlobKey::parse("config/cache.key").value();
}

storage::BlobKey previous_signing_key_key() {
  return storage::BlobKey::parse("config/cache.key.previous").value();
}

}  // namespace ncps::cache
