// The names that a lease has in Redis. Pure.
//
//   ncps:lock:{download:nar:nar/0a….nar.xz}          whose it is
//   ncps:lock:{download:nar:nar/0a….nar.xz}:fence    the last fence that was given
//   ncps:lock:given-back                             the channel that says which were given back
//
// Both keys of a lease are in one slot of a cluster. Bytes that a name seldom has are written as
// %XX, so that no name can end the braces and two names never become one.
#pragma once

#include <string>
#include <string_view>

namespace ncps::redis {

struct LeaseKeys {
  std::string lease, fence;
};

LeaseKeys lease_keys(std::string_view prefix, std::string_view name);

std::string given_back_channel(std::string_view prefix);

// False: with this prefix the two keys of a lease could be in different slots.
bool is_usable_prefix(std::string_view prefix);

}  // namespace ncps::redis
