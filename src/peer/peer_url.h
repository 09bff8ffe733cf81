// The address of an instance, as it tells it to the others: "http://host:port".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::peer {

// Only "http(s)://host[:port]", at most 255 bytes: no user, path, query, and no character that could be
// anything else. It may come from Redis, where anybody with access to that can write. What it gives has
// no '/' at its end. Errors: invalid, with what would be right.
Result<std::string> parse_peer_url(std::string_view text);

// Of an instance that listens at `host` (empty or "0.0.0.0" or "::": every address) and `port`, whose
// own address is `local` where that is known, and whose name is `name`. nullopt: nobody could reach it.
std::optional<std::string> own_url(std::string_view host, std::uint16_t port,
                                   std::string_view local, std::string_view name);

// The address by which this machine would be seen from `host`: port, as the routing tables say;
// nothing is sent. nullopt: unknown. Blocks for as long as the resolver of names takes.
std::optional<std::string> address_towards(const std::string& host, const std::string& port);

}  // namespace ncps::peer
