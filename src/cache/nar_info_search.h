// NarInfoSearch: one narinfo, from whichever upstream has it.
//
// Asks by priority, GET at once, beside each other where one is slow (cache/race.h); an answer
// counts only if the judge accepts it. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cache/hedge_budget.h"
#include "cache/nar_info_judge.h"
#include "cache/race.h"
#include "rt/runtime.h"
#include "rt/task_group.h"
#include "upstream/upstream.h"

namespace ncps::cache {

struct Finding {
  Accepted accepted;
  std::string text;  // as the upstream wrote it
  std::shared_ptr<upstream::Upstream> from;
};

struct SearchResult {
  std::optional<Finding> finding;
  // Nobody has it, and every upstream itself said so: none had one that is not for us.
  bool confirmed_missing;
};

class NarInfoSearch {
 public:
  NarInfoSearch(Runtime& runtime, const NarInfoJudge& judge, RacePolicy policy = {})
      : runtime_(runtime), judge_(judge), policy_(policy) {}

  // Errors: upstream, timeout, corrupt: somebody could not be asked, and nobody else has it.
  Task<SearchResult> run(nix::StorePathHash hash, upstream::UpstreamList upstreams,
                         Deadline deadline);

  // Waits for answers that came too late to count. Blocks: not from an io thread. Nothing may be
  // searched meanwhile.
  bool stop(Deadline deadline) { return asks_.join_blocking(deadline); }

 private:
  struct Race;
  using RacePtr = std::shared_ptr<Race>;

  boost::asio::awaitable<void> ask(RacePtr race, std::size_t who, nix::StorePathHash hash,
                                   Deadline deadline);
  Task<std::optional<Finding>> answer_of(Race& race, std::size_t who, nix::StorePathHash hash,
                                         Deadline deadline);

  // nullopt: missing there. Otherwise `text` is what was judged.
  Task<std::optional<Judged>> ask_and_judge(upstream::Upstream& upstream, nix::StorePathHash hash,
                                            std::string& text, Deadline deadline);
  Task<Judged> judge(const upstream::Upstream& upstream, nix::StorePathHash hash,
                     std::string_view text) const;

  Runtime& runtime_;
  const NarInfoJudge& judge_;
  const RacePolicy policy_;
  HedgeBudget hedges_;
  TaskGroup asks_;
};

}  // namespace ncps::cache
