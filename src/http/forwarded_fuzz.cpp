#include "http/forwarded.h"

#include <algorithm>
#include <array>
#include <vector>

#include "fuzzing/fuzz_target.h"

namespace ncps::http {

FUZZ_TARGET(forwarded) {
  auto trusted = parse_network("10.0.0.0/8");
  CHECK(trusted);
  std::array all{*trusted};
  bool few = std::ranges::count(input, ',') + 3 < static_cast<std::ptrdiff_t>(kMostHops);
  for (auto header : {HopHeader::x_forwarded_for, HopHeader::forwarded}) {
    std::array one{input};
    auto client = client_behind(one, header, all).client;
    if (client) CHECK(!client->str().empty() && client->str().size() <= 45);
    // A proxy in front that nobody trusts: whatever stands to its left is of no matter.
    bool named = header == HopHeader::forwarded;
    std::array<std::string_view, 2> behind{input, named ? "for=192.0.2.7" : "192.0.2.7"};
    auto last = client_behind(behind, header, all);
    CHECK(last.client && last.client->str() == "192.0.2.7" && !last.scheme);
    // One of ours in front: it is seen through, and where there is nothing behind it, asks itself.
    std::array<std::string_view, 2> ours{input, named ? "for=10.0.0.9;proto=http" : "10.0.0.9"};
    auto through = client_behind(ours, header, all);
    if (few)
      CHECK(through.client &&
            (client ? through.client == client : through.client->str() == "10.0.0.9"));
  }
  // A proxy may write its own hop into the same line, too.
  auto line = std::string(input) + ",10.0.0.9";
  std::array<std::string_view, 1> joined{line};
  std::array<std::string_view, 2> apart{input, "10.0.0.9"};
  CHECK(client_behind(joined, HopHeader::x_forwarded_for, all).client ==
        client_behind(apart, HopHeader::x_forwarded_for, all).client);
  std::array<std::string_view, 2> schemes{input, "a,https"};
  CHECK(forwarded_scheme(schemes) == Scheme::https);
}

}  // namespace ncps::http
