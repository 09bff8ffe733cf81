#include "server/route.h"

#include "fuzzing/fuzz_target.h"
#include "server/route_pattern.h"

namespace ncps::server {
namespace {

template <class T>
bool is(const Target& target) {
  return std::holds_alternative<T>(target.route);
}

// What names a file is what its own parser takes, and nothing that leads elsewhere.
void check_names(const Target& target) {
  if (const auto* url = std::get_if<nix::NarUrl>(&target.route))
    CHECK(nix::NarUrl::parse(url->str()) && url->query().empty());
  if (const auto* object = std::get_if<nix::ObjectPath>(&target.route))
    CHECK(nix::ObjectPath::parse(object->str()) && !object->str().contains("/../"));
}

}  // namespace

FUZZ_TARGET(route) {
  auto target = parse_target(input);
  check_names(target);
  auto pattern = route_pattern(input);
  bool known = !is<NoSuchPath>(target) && !is<BadNarName>(target);
  // Pins have no place below /upload, but their routes there are looked at elsewhere.
  bool pins = is<PinList>(target) || is<PinOf>(target);
  CHECK(known == !pattern.empty() || (pins && target.side == Side::upload));
  CHECK((target.side == Side::upload) == pattern.starts_with("/upload") || pattern.empty());

  // Other bytes never get here: read_head refuses them.
  for (char c : input)
    if (c <= 0x20 || c == 0x7f || c < 0) return;
  // Escaping what need not be escaped changes nothing, and neither do more slashes.
  std::string escaped, slashes;
  for (char c : input) {
    bool letter = (c >= 'a' && c <= 'z') || c == '.' || c == '/';
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    if (letter) {
      escaped.append({'%', kDigits[static_cast<unsigned>(c) >> 4], kDigits[c & 15]});
    } else {
      escaped += c;
    }
    slashes += c;
    if (c == '/') slashes += c;
  }
  auto root = parse_route(input);
  CHECK(parse_route(slashes).index() == root.index());
  if (input.starts_with('/') && !input.contains('%'))
    CHECK(parse_route(escaped).index() == root.index());
}

}  // namespace ncps::server
