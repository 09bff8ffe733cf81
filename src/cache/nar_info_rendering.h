// What we change in an upstream's narinfo before a client sees it. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nix/nar_info.h"
#include "nix/nar_url.h"

namespace ncps::cache {

// The URLs under which we may serve its NAR; the first one that is no other NAR's is announced. A
// NAR without compression: compressed_by_us. Else the upstream's own, if it is one that we can
// serve and that no query completes. Then names made of the NarHash.
std::vector<nix::NarUrl> announced_urls(const nix::NarInfo& info);

// Whether the NAR behind `url`, which its upstream has as `upstreams` says, is compressed with zstd
// by us before we keep it: if it is not compressed there, and `url` is the name that we give to
// that. Any other URL names the upstream's bytes.
bool compressed_by_us(nix::Compression upstreams, const nix::Hash& nar_hash,
                      const nix::NarUrl& url);

// The text for clients: our URL, and our signatures (older ones of the same names replaced). Of
// what is compressed by us: that compression, and no FileHash and FileSize, which are those of
// another file. `signers` empty: not signed by us. Errors: internal.
Result<std::string> served_text(nix::NarInfo info, const nix::NarUrl& url,
                                std::span<const nix::SecretKey> signers);

// A strong ETag for that text.
std::string etag_of(std::string_view text);

}  // namespace ncps::cache
