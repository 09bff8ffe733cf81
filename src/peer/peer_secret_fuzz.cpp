#include "peer/peer_secret.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::peer {

FUZZ_TARGET(peer_secret) {
  static const PeerSecret ours{"one of ours"}, theirs{"another"}, none{""};
  std::uint64_t fence = 0;
  for (int i = 0; i < 8; ++i) fence = fence << 8 | fuzzing::take_byte(input);
  auto token = ours.token(input, fence);
  CHECK(ours.accept(token, input) == fence);
  CHECK(!theirs.accept(token, input) && !none.accept(token, input));
  CHECK(!ours.accept(token, std::string(input) + "x"));
  // What is not exactly a token that we would make is none.
  if (auto accepted = ours.accept(input, "x.nar")) CHECK(ours.token("x.nar", *accepted) == input);
}

}  // namespace ncps::peer
