#include "db/soci/put.h"

#include "db/utf8.h"

namespace ncps::db {

void PutValues::set(const NarRow& nar) {
  url = nar.url.str();
  nar_hash = nar.nar_hash.str();
  nar_size = static_cast<long long>(nar.nar_size);
  compression = nix::to_string(nar.compression);
  file_hash.set(nar.file_hash ? std::optional(nar.file_hash->str()) : std::nullopt);
  file_size.set(nar.file_size);
  nar_upstream = nar.upstream;
  upstream_url = nar.upstream_url;
}

void PutValues::set(const NarInfoRow& narinfo, const NarRow& nar) {
  set(nar);
  hash = narinfo.hash.str();
  upstream = narinfo.upstream;
  uploaded = narinfo.uploaded ? 1 : 0;
  text.set(is_plain_utf8(narinfo.text) ? std::optional(narinfo.text) : std::nullopt);
}

}  // namespace ncps::db
