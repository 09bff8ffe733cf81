// Who is behind a proxy that we trust, and by which scheme it asked, as X-Forwarded-For with
// X-Forwarded-Proto or Forwarded says. Pure.
//
// Each proxy adds at the right whom it has the request from. So the right-most address that is no
// trusted proxy's is the client: what stands to its left anybody may have written.
//
// Source: RFC 7239 sections 4, 6 and 7.4.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "http/network.h"
#include "http/scheme.h"

namespace ncps::http {

// Which of the two is looked at: the one that our proxies write. The other one they may pass on as
// a client has sent it.
enum class HopHeader : std::uint8_t { x_forwarded_for, forwarded };

std::string_view name_of(HopHeader header) noexcept;

// Hops that are looked at, from the right. Beyond that the last of them counts.
inline constexpr std::size_t kMostHops = 32;

struct Behind {
  // nullopt: they tell nothing that can be believed; then it is the proxy itself that asks. At what
  // is no address ("unknown", garbage) the walk ends: the client is the one before it.
  std::optional<IpAddress> client;
  // Of the left-most hop that a proxy of ours has added, and that names one: only Forwarded does.
  std::optional<Scheme> scheme;
};

// `values`: of each header of that name, in their order.
Behind client_behind(std::span<const std::string_view> values, HopHeader header,
                     std::span<const Network> trusted);

// What X-Forwarded-Proto says, which goes with X-Forwarded-For: each proxy sets it, or adds at the
// right; so only the last word is sure to be of one of ours. nullopt: none that we know.
std::optional<Scheme> forwarded_scheme(std::span<const std::string_view> values);

}  // namespace ncps::http
