#include "http/proxy_header.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::http {

FUZZ_TARGET(proxy_header) {
  auto header = decode_proxy_header(input);
  // However it arrives: a part of a good header is never refused, and means nothing yet.
  for (std::size_t size = 0; size < input.size(); ++size) {
    auto part = decode_proxy_header(input.substr(0, size));
    if (!header) break;  // refused as soon as it can be
    CHECK(part);
    bool whole = *header && size >= (*header)->size;
    CHECK(part->has_value() == whole);
  }
  if (!header || !*header) return;
  const auto& found = **header;
  CHECK(found.size > 0 && found.size <= input.size() && found.size <= ProxyHeader::kMostBytes);
  CHECK((found.client == ProxyHeader::Client::address) == found.address.has_value());
  // What stands behind it is not looked at.
  auto alone = decode_proxy_header(input.substr(0, found.size));
  CHECK(alone && *alone && (*alone)->size == found.size && (*alone)->client == found.client);
}

}  // namespace ncps::http
