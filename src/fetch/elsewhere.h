// Where else a server may lead us: by a redirect, or by a URL in what it sends. Pure.
//
// An upstream on the internet that leads us to our own network reads, through us, what is not meant for it:
// other services, the metadata of a cloud's instance. So addresses are told apart, and looked at when a
// connection is made, whatever name led there: a name that means another address the second time gains nothing.
// Source: the IANA registries of special-purpose addresses, IPv4 and IPv6.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ncps::fetch {

enum class Elsewhere : std::uint8_t {
  same_host,  // nowhere else
  outward,    // to public addresses, and from one that is not public to others of its kind
  any,
};

enum class AddressClass : std::uint8_t {
  open,          // of the internet
  inner,         // of a private network (RFC 1918, RFC 6598, unique local)
  link,          // of this link (where clouds have their metadata), multicast, reserved
  this_machine,  // loopback, and what is no address
};

// "10.0.0.1", "fd00::1%eth0"; an IPv4 address in an IPv6 one counts as what it is.
AddressClass address_class(std::string_view address);

// The same for the host of a URL, where only its name is known: what is no address is open, but "localhost".
// With or without brackets.
AddressClass host_class(std::string_view host);

// Whether who is at `from` (nullopt: nobody knows) may lead to another host, at `to`.
bool may_lead(Elsewhere policy, std::optional<AddressClass> from, AddressClass to);

}  // namespace ncps::fetch
