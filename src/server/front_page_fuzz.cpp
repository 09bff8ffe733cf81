#include "server/front_page.h"

#include <algorithm>

#include "fuzzing/fuzz_target.h"
#include "nix/client_lines.h"

namespace ncps::server {

// The Host header of whoever asks stands in lines that people paste.
FUZZ_TARGET(front_page) {
  auto url = asked_url(http::Scheme::https, input, "cache.example");
  CHECK(nix::is_cache_url(url) && url.starts_with("https://") && url.size() <= 8 + 255);
  CHECK(url == "https://" + std::string(input) || url == "https://cache.example");
  constexpr std::string_view kOther = ".-_:[]/";
  for (char c : url)
    CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
          kOther.contains(c));
  auto nixos = nix::nixos_lines(url, {});
  CHECK(std::ranges::count(nixos, '"') == 4 && std::ranges::count(nixos, '\n') == 2);
  CHECK(std::ranges::count(nix::nix_conf_lines(url, {}), '\n') == 2);
  auto host = nix::netrc_host(url);
  CHECK(!host.empty() &&
        nix::netrc_line(url) == "machine " + std::string(host) + " login anybody password TOKEN\n");
}

}  // namespace ncps::server
