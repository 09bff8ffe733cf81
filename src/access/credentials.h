// The token that a request sends.
//
// Source: RFC 9110 section 11; RFC 6750 (Bearer); RFC 7617 (Basic: what Nix makes of a netrc file: the password is
// the token, and the user name does not matter).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ncps::access {

// `authorization`: the header's value, or empty. nullopt: no token in it, or not one that can be
// read.
std::optional<std::string> token_in(std::string_view authorization);

}  // namespace ncps::access
