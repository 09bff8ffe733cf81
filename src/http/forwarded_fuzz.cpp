#include "http/forwarded.h"

#include <array>
#include <vector>

#include "fuzzing/fuzz_target.h"

namespace ncps::http {

FUZZ_TARGET(forwarded) {
  auto trusted = parse_network("10.0.0.0/8");
  CHECK(trusted);
  std::array all{*trusted};
  for (auto header : {HopHeader::x_forwarded_for, HopHeader::forwarded}) {
    std::array one{input};
    auto client = client_behind(one, header, all).client;
    // A proxy in front that nobody trusts: whatever stands to its left is of no matter.
    auto hop = header == HopHeader::forwarded ? "for=192.0.2.7" : "192.0.2.7";
    std::array<std::string_view, 2> behind{input, hop};
    auto last = client_behind(behind, header, all);
    CHECK(last.client && last.client->str() == "192.0.2.7" && !last.scheme);
    if (client) CHECK(!client->str().empty() && client->str().size() <= 45);
  }
  std::array<std::string_view, 2> schemes{input, "a,https"};
  CHECK(forwarded_scheme(schemes) == Scheme::https);
}

}  // namespace ncps::http
