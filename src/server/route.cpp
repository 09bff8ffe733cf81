#include "server/route.h"

#include <string>

#include "http/percent.h"
#include "peer/peer_secret.h"

namespace ncps::server {
namespace {

constexpr std::string_view kNarInfo = ".narinfo";
constexpr std::string_view kNarFolder = "/nar/";
constexpr std::string_view kPeer = "/peer";
constexpr std::string_view kPinFolder = "/pin/";

bool plain(std::string_view path) {
  return path.find('%') == path.npos && path.find("//") == path.npos &&
         path.find("/.") == path.npos;
}

Route parse_nar(std::string_view path) {
  auto name = path.substr(kNarFolder.size());
  if (name.find('/') != name.npos) return NoSuchPath{};
  auto url = nix::NarUrl::parse(path.substr(1));
  if (url && url->query().empty()) return std::move(*url);
  if (name.find(".nar") != name.npos) return BadNarName{};
  return NoSuchPath{};
}

Route parse_pin(std::string_view path) {
  auto name = path.substr(kPinFolder.size());
  if (!name.ends_with(kNarInfo)) return NoSuchPath{};
  auto hash = nix::StorePathHash::parse(name.substr(0, name.size() - kNarInfo.size()));
  if (!hash) return NoSuchPath{};
  return PinOf{*hash};
}

Route parse_peer(std::string_view path) {
  auto route = parse_nar(path.substr(kPeer.size()));
  if (auto* url = std::get_if<nix::NarUrl>(&route)) return PeerNar{std::move(*url)};
  return NoSuchPath{};
}

Route parse_decoded(std::string_view path) {
  if (path == "/pins") return PinList{};
  if (path.starts_with(kPinFolder)) return parse_pin(path);
  if (path.ends_with(kNarInfo) && path.starts_with('/')) {
    auto hash = nix::StorePathHash::parse(path.substr(1, path.size() - 1 - kNarInfo.size()));
    if (hash) return *hash;
    return NoSuchPath{};
  }
  if (path.starts_with(kNarFolder)) return parse_nar(path);
  if (path.starts_with(peer::kRoute)) return parse_peer(path);
  if (path == "/") return Fixed::root;
  if (path == "/nix-cache-info") return Fixed::cache_info;
  if (path == "/pubkey") return Fixed::pubkey;
  if (path == "/healthz") return Fixed::healthz;
  if (path == "/readyz") return Ready{};
  if (path == "/status") return Status{};
  if (path == "/metrics") return Metrics{};
  if (path.starts_with('/')) {
    auto object = nix::ObjectPath::parse(path.substr(1));
    if (object) return std::move(*object);
  }
  return NoSuchPath{};
}

}  // namespace

Route parse_route(std::string_view path) {
  if (plain(path)) return parse_decoded(path);
  auto decoded = http::decode_path(path);
  if (!decoded) return NoSuchPath{};
  return parse_decoded(*decoded);
}

Target parse_target(std::string_view path) {
  constexpr std::string_view kUpload = "/upload";
  if (!path.starts_with(kUpload)) return {.route = parse_route(path)};
  auto rest = path.substr(kUpload.size());
  if (rest.empty()) rest = "/";
  if (rest.front() != '/') return {.route = parse_route(path)};
  auto route = parse_route(rest);
  auto* fixed = std::get_if<Fixed>(&route);
  bool absent = std::holds_alternative<Ready>(route) || std::holds_alternative<Status>(route) ||
                std::holds_alternative<Metrics>(route) || std::holds_alternative<PeerNar>(route) ||
                (fixed != nullptr && *fixed == Fixed::healthz);
  if (absent) route = NoSuchPath{};
  return {.route = std::move(route), .side = Side::upload};
}

}  // namespace ncps::server
