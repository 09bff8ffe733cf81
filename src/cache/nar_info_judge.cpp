#include "cache/nar_info_judge.h"

#include <algorithm>

#include "codec/decompressor.h"
#include "nix/content_address.h"

namespace ncps::cache {
namespace {

bool in_the_name_of_any(const std::vector<nix::Signature>& signatures,
                        const std::vector<nix::PublicKey>& keys) {
  return std::ranges::any_of(signatures, [&](const auto& signature) {
    return std::ranges::find(keys, signature.key_name, &nix::PublicKey::name) != keys.end();
  });
}

}  // namespace

bool to_be_signed(const Accepted& accepted, const Trust& trust) {
  if (accepted.verified) return true;
  return accepted.sent_by == SentBy::client ? trust.sign_uploads : trust.sign_unverified;
}

bool vouched_upload(const nix::NarInfo& info, const Trust& trust) {
  return nix::signed_by_any(nix::fingerprint(info), info.signatures, trust.upload_keys) ||
         nix::content_claim(info).has_value();
}

Task<Judged> NarInfoJudge::judge(nix::StorePathHash hash, std::string_view text,
                                 SentBy sent_by) const {
  auto work = [&] { return judge_now(hash, text, sent_by); };
  co_return co_await offload(cpu_, std::move(work));
}

Result<Judged> NarInfoJudge::judge_now(const nix::StorePathHash& hash, std::string_view text,
                                       SentBy sent_by) const {
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
  if (sent_by == SentBy::client) {
    verified = verified || vouched_upload(*info, *trust);
    return Judged{
        .accepted = Accepted{.info = std::move(*info), .verified = verified, .sent_by = sent_by},
        .why_not = {}};
  }
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
