// What we change in an upstream's narinfo before a client sees it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "nix/nar_info.h"
#include "nix/nar_url.h"

namespace ncps::cache {

// The URL under which we serve its NAR: the upstream's own if it is one that we can serve and that
// no query completes, else one made of the NarHash.
nix::NarUrl announced_url(const nix::NarInfo& info);

// The text for clients: our URL, and our signature (an older one of the same name replaced).
// `signer` nullptr: not signed by us. Errors: internal.
Result<std::string> served_text(nix::NarInfo info, const nix::NarUrl& url,
                                const nix::SecretKey* signer);

// A strong ETag for that text.
std::string etag_of(std::string_view text);

}  // namespace ncps::cache
