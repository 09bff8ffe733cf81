#include "peer/peer_url.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::peer {

FUZZ_TARGET(peer_url) {
  auto url = parse_peer_url(input);
  if (!url) return;
  CHECK(parse_peer_url(*url) == *url && url->size() <= 255 && !url->ends_with('/'));
  auto rest = std::string_view(*url).substr(url->find("://") + 3);
  CHECK(!rest.empty() && rest.find_first_of("/@?#% \r\n\\") == rest.npos);
  for (char c : rest) CHECK(c > 0x20 && c < 0x7f);
}

}  // namespace ncps::peer
