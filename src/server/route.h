// Which resource a request path names. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "nix/nar_url.h"
#include "nix/object_path.h"
#include "nix/store_path_hash.h"

namespace ncps::server {

enum class Fixed : std::uint8_t { root, cache_info, pubkey, healthz };
struct PinList {};  // /pins
struct PinOf {
  nix::StorePathHash hash;
};  // /pin/<hash>.narinfo
// Who may read: decides whether caches between us and the client may share an answer.
enum class Audience : bool { everybody, token_holders };

struct Ready {};    // /readyz
struct Status {};   // /status
struct Metrics {};  // /metrics
struct PeerNar {
  nix::NarUrl url;
};  // /peer/nar/<name>.nar[.ext]: between instances
struct NoSuchPath {};
struct BadNarName {
};  // below /nar/, ends like a NAR, but is no name that we can serve: 400, as the contract has it

using Route = std::variant<Fixed, Ready, Status, Metrics, nix::StorePathHash, nix::NarUrl,
                           nix::ObjectPath, PinList, PinOf, PeerNar, NoSuchPath, BadNarName>;

// Below /upload the same names mean what is kept here, and nobody else is asked: so a client that
// uploads there sends all that is missing here.
enum class Side : bool { root, upload };

struct Target {
  Route route;
  Side side = Side::root;
};

// Of /healthz, /readyz, /status, /metrics and /peer there is none below /upload.
Target parse_target(std::string_view path);

// `path` as sent, without query: percent-decoded here, once. What is malformed, or would leave its
// folder, is NoSuchPath.
Route parse_route(std::string_view path);

}  // namespace ncps::server
