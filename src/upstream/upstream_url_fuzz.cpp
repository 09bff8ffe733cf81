#include "upstream/upstream_url.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::upstream {

FUZZ_TARGET(upstream_url) {
  // A password is neither in a message nor in what is shown; but "/@x" looks like a path, and is taken for one.
  auto text = "https://user:" + fuzzing::with_secret(input) + "@host.example/p";
  auto secret = UpstreamUrl::parse(text);
  if (!secret) CHECK(!secret.error().what().contains(fuzzing::kSecret));
  // Nor can anybody know "https://user:12?x@host.example" from a host, a port and a query.
  bool known = !text.contains("/@") && input.find_first_of("?#") == input.npos;
  if (secret && known) CHECK(!secret->masked().contains(fuzzing::kSecret));

  auto url = UpstreamUrl::parse(input);
  if (!url) return;
  CHECK(!url->priority() || (*url->priority() >= 0 && *url->priority() <= 65'535));
  CHECK(!url->masked().contains('?') && !url->masked().contains('#'));
  auto again = UpstreamUrl::parse(url->masked());
  CHECK(again && again->masked() == url->masked());
  auto file = url->resolve("nar/x.nar");
  CHECK(url->same_host(file) && url->same_host("nar/x.nar"));
  CHECK(masked_url(file) == url->masked() + "/nar/x.nar");
  CHECK(url->resolve("http://other.example/x") == "http://other.example/x");
}

}  // namespace ncps::upstream
