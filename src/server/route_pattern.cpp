#include "server/route_pattern.h"

#include "server/route.h"

namespace ncps::server {
namespace {

// For the root, and for /upload: literals, because nobody keeps what is put together here.
struct Pattern {
  std::string_view root, upload = {};
};

Pattern of(nix::ObjectKind kind) {
  switch (kind) {
    case nix::ObjectKind::listing: return {"/{hash}.ls", "/upload/{hash}.ls"};
    case nix::ObjectKind::log: return {"/log/{derivation}", "/upload/log/{derivation}"};
    case nix::ObjectKind::realisation: return {"/realisations/{id}", "/upload/realisations/{id}"};
    case nix::ObjectKind::build_trace:
      return {"/build-trace-v2/{derivation}/{output}",
              "/upload/build-trace-v2/{derivation}/{output}"};
    case nix::ObjectKind::debug_info: return {"/debuginfo/{id}", "/upload/debuginfo/{id}"};
  }
  return {};
}

struct PatternOf {
  Pattern operator()(const Fixed& fixed) const {
    switch (fixed) {
      case Fixed::root: return {"/", "/upload"};
      case Fixed::cache_info: return {"/nix-cache-info", "/upload/nix-cache-info"};
      case Fixed::pubkey: return {"/pubkey", "/upload/pubkey"};
      case Fixed::healthz: return {"/healthz"};
    }
    return {};
  }
  Pattern operator()(const nix::StorePathHash&) const {
    return {"/{hash}.narinfo", "/upload/{hash}.narinfo"};
  }
  Pattern operator()(const nix::NarUrl&) const { return {"/nar/{name}", "/upload/nar/{name}"}; }
  Pattern operator()(const nix::ObjectPath& object) const { return of(object.kind()); }
  Pattern operator()(const PinList&) const { return {"/pins"}; }
  Pattern operator()(const PinOf&) const { return {"/pin/{hash}.narinfo"}; }
  Pattern operator()(const Ready&) const { return {"/readyz"}; }
  Pattern operator()(const Status&) const { return {"/status"}; }
  Pattern operator()(const Metrics&) const { return {"/metrics"}; }
  Pattern operator()(const PeerNar&) const { return {"/peer/nar/{name}"}; }
  Pattern operator()(const BadNarName&) const { return {}; }
  Pattern operator()(const NoSuchPath&) const { return {}; }
};

}  // namespace

std::string_view route_pattern(std::string_view path) {
  auto target = parse_target(path);
  auto pattern = std::visit(PatternOf{}, target.route);
  return target.side == Side::upload ? pattern.upload : pattern.root;
}

}  // namespace ncps::server
