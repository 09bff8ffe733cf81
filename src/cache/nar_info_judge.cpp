#include "cache/nar_info_judge.h"

#include <algorithm>

#include "codec/decompressor.h"

namespace ncps::cache {
namespace {

bool in_the_name_of_any(const std::vector<nix::Signature>& signatures,
                        const std::vector<nix::PublicKey>& keys) {
  return std::ranges::any_of(signatures, [&](const auto& signature) {
    return std::ranges::find(keys, signature.key_name, &nix::PublicKey::name) != keys.end();
  });
}

}  // namespace

Task<Judged> NarInfoJudge::judge(nix::StorePathHash hash, std::string_view text) const {
  auto work = [&] { return judge_now(hash, text); };
  co_return co_await offload(cpu_, std::move(work));
}

Result<Judged> NarInfoJudge::judge_now(const nix::StorePathHash& hash,
                                       std::string_view text) const {
  auto info = nix::parse_nar_info(text);
  if (!info) {
    return fail(ErrorKind::corrupt, std::string(hash.str()) + ".narinfo: " + info.error().what());
  }
  if (info->store_path.hash() != hash) {
    return fail(ErrorKind::corrupt, "asked for " + std::string(hash.str()) + ", it answered with " +
                                        info->store_path.str());
  }
  if (!codec::make_decompressor(info->compression)) {
    return Judged{.accepted = {},
                  .why_not = "its NAR cannot be verified: Compression is " +
                             std::string(nix::to_string(info->compression))};
  }
  auto trust = trust_.now();
  bool verified =
      nix::signed_by_any(nix::fingerprint(*info), info->signatures, trust->upstream_keys);
  if (!verified && !trust->upstream_keys.empty()) {
    bool misfit = in_the_name_of_any(info->signatures, trust->upstream_keys);
    return Judged{.accepted = {},
                  .why_not = misfit ? "its signature in the name of a trusted key does not fit"
                                    : "no signature by a trusted key",
                  .misfit = misfit};
  }
  return Judged{.accepted = Accepted{.info = std::move(*info), .verified = verified},
                .why_not = {}};
}

}  // namespace ncps::cache
