// What of an upload is right. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cache/nar_verifier.h"
#include "db/catalog.h"
#include "nix/nar_info.h"

namespace ncps::cache {

// How a file that begins so is compressed; none: it begins as a NAR does. Absent: as nothing that
// we know. For names that do not tell: Nix writes plain ".nar" also for gzip. `head`: at least
// kSniffed bytes, if the file has them. (br has no mark; its extension tells.)
std::optional<nix::Compression> sniff(std::string_view head);
inline constexpr std::size_t kSniffed = 8;

// Why a file with these facts cannot have that name; absent: it can. A name that is a hash is the
// file's or the NAR's; any other says nothing.
std::optional<std::string> misnamed(const nix::NarUrl& url, const NarFacts& facts);

// Why an uploaded narinfo does not fit the NAR that it names, which is at rest with so many bytes,
// compressed so; absent: it does.
std::optional<std::string> misfit(const nix::NarInfo& info, const db::NarRow& nar,
                                  nix::Compression kept_as, std::uint64_t kept_size);

// What is kept of a narinfo that is sent again: as it was sent, with the signatures that it had and
// that are not in it. REQUIRES: both have one fingerprint.
nix::NarInfo with_signatures_of(nix::NarInfo sent, const nix::NarInfo& kept);

}  // namespace ncps::cache
