#include "cache/judge_kept.h"

namespace ncps::cache {

Task<Judged> judge_kept(const NarInfoJudge& judge, UploadMarks marks, nix::StorePathHash hash,
                        std::string_view text) {
  auto as_upstreams = co_await judge.judge(hash, text);
  if (as_upstreams && as_upstreams->accepted && as_upstreams->accepted->verified)
    co_return std::move(as_upstreams);
  auto info = nix::parse_nar_info(text);
  if (!info || info->store_path.hash() != hash) co_return std::move(as_upstreams);
  CO_TRY(bool uploaded, co_await marks.has(std::move(*info)));
  if (!uploaded) co_return std::move(as_upstreams);
  co_return co_await judge.judge(hash, text, SentBy::client);
}

}  // namespace ncps::cache
