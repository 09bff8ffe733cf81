#include "http/listen_address.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::http {

FUZZ_TARGET(listen_address) {
  auto text = fuzzing::with_secret(input);
  auto refused = parse_listen_address(text);
  if (!refused) CHECK(!refused.error().what().contains(fuzzing::kSecret));
  auto address = parse_listen_address(input);
  if (!address) return;
  CHECK(address->socket_path.size() <= kMaxSocketPath);
  auto again = parse_listen_address(address->str());
  CHECK(again && again->str() == address->str() && again->port == address->port &&
        again->host == address->host && again->socket_path == address->socket_path);
}

}  // namespace ncps::http
