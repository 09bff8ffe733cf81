#include "cache/nar_info_search.h"

#include <algorithm>
#include <atomic>

#include "rt/signal.h"
#include "telemetry/log.h"

namespace ncps::cache {

using upstream::Standing;

struct NarInfoSearch::Race {
  struct Entries {
    std::vector<Runner> runners;
    std::vector<std::optional<Finding>> findings;
    std::vector<std::optional<Error>> errors;
  };

  explicit Race(const upstream::UpstreamList& list) {
    std::vector<Standing> standings;  // looked at once: they change while we sort
    for (const auto& one : list) standings.push_back(one->standing());
    bool some_good = std::ranges::find(standings, Standing::good) != standings.end();
    Entries all;                     // not under the lock: upstreams have locks of their own
    for (bool good : {true, false})  // the order in which they are asked
      for (std::size_t i = 0; i < list.size(); ++i)
        if ((standings[i] == Standing::good) == good) enter(all, list[i], standings[i], some_good);
    entries.with([&](Entries& e) { e = std::move(all); });
  }

  void enter(Entries& e, const std::shared_ptr<upstream::Upstream>& upstream, Standing standing,
             bool some_good) {
    Runner runner{.last_resort = standing != Standing::good,
                  .usual_delay = upstream->usual_delay()};
    std::optional<Error> error;
    // One that is down costs those who ask for what nobody has only one wait in all.
    if (some_good && standing == Standing::trying) {
      runner.state = Runner::State::failed;
      error = Error(ErrorKind::upstream,
                    upstream->name() + ": has failed; whether it is back is being found out");
    }
    upstreams.push_back(upstream);
    e.runners.push_back(runner);
    e.findings.emplace_back();
    e.errors.push_back(std::move(error));
  }

  void asked(std::size_t who) {
    entries.with([&](Entries& e) {
      e.runners[who].state = Runner::State::asked;
      e.runners[who].asked_at = RaceClock::now();
    });
  }

  void answered(std::size_t who, Result<std::optional<Finding>> answer) {
    entries.with([&](Entries& e) {
      auto& runner = e.runners[who];
      runner.answered_at = RaceClock::now();
      if (!answer) {
        runner.state = Runner::State::failed;
        e.errors[who] = std::move(answer).error();
      } else if (!*answer) {
        runner.state = Runner::State::missing;
      } else {
        runner.state = Runner::State::found;
        e.findings[who] = std::move(*answer);
      }
    });
    changed.notify();
  }

  // What keeps us from saying that nobody has it: of the best upstream that has not answered.
  std::optional<Error> trouble() const {
    return entries.with([&](const Entries& e) -> std::optional<Error> {
      for (std::size_t i = 0; i < e.errors.size(); ++i)
        if (e.errors[i]) return e.errors[i];
      return std::nullopt;
    });
  }

  upstream::UpstreamList upstreams;
  std::atomic<bool> passed_over = false;  // somebody had one that is not for us
  Guarded<Entries> entries;
  Signal changed;
};

Task<SearchResult> NarInfoSearch::run(nix::StorePathHash hash, upstream::UpstreamList upstreams,
                                      Deadline deadline) {
  auto race = std::make_shared<Race>(upstreams);
  if (!race->upstreams.empty()) hedges_.earn();
  for (;;) {
    auto seen = race->changed.version();
    bool may_hedge = hedges_.left();
    bool late = deadline.passed();
    auto move = race->entries.with([&](const Race::Entries& e) {
      // Nobody better is waited for beyond the deadline: what has been found is taken.
      auto policy = policy_;
      if (late) policy.grace = {};
      return next_move(policy, e.runners, may_hedge, RaceClock::now());
    });
    if (late && (move.kind == Move::Kind::wait || move.kind == Move::Kind::ask))
      co_return fail(ErrorKind::timeout, "no upstream answered in time");
    switch (move.kind) {
      case Move::Kind::ask:
        if (move.extra) hedges_.spend();
        race->asked(move.who);
        asks_.spawn(runtime_.next_executor(), "asking an upstream",
                    ask(race, move.who, hash, deadline));
        break;
      case Move::Kind::wait: {
        auto until = move.until == RaceClock::time_point::max()
                         ? deadline
                         : deadline.at_most(move.until - RaceClock::now());
        co_await race->changed.wait_past(seen, until);
        break;
      }
      case Move::Kind::take:
        co_return SearchResult{.finding = race->entries.with([&](Race::Entries& e) {
                                 return std::move(e.findings[move.who]);
                               }),
                               .confirmed_missing = false};
      case Move::Kind::end:
        if (auto trouble = race->trouble()) co_return std::unexpected(std::move(*trouble));
        co_return SearchResult{.finding = {}, .confirmed_missing = !race->passed_over};
    }
  }
}

boost::asio::awaitable<void> NarInfoSearch::ask(RacePtr race, std::size_t who,
                                                nix::StorePathHash hash, Deadline deadline) {
  Result<std::optional<Finding>> answer = fail(ErrorKind::internal, "ended without an answer");
  try {
    answer = co_await answer_of(*race, who, hash, deadline);
  } catch (const std::exception& e) {  // a bug: nobody may wait for it until the deadline
    answer = fail(ErrorKind::internal, e.what());
  }
  race->answered(who, std::move(answer));
}

Task<std::optional<Finding>> NarInfoSearch::answer_of(Race& race, std::size_t who,
                                                      nix::StorePathHash hash, Deadline deadline) {
  const auto& upstream = race.upstreams[who];
  std::string text;
  auto judged = co_await ask_and_judge(*upstream, hash, text, deadline);
  if (judged && !*judged) co_return std::nullopt;
  if (!judged) {
    log::warn("an upstream could not be asked", {{"narinfo", hash.str()},
                                                 {"upstream", upstream->name()},
                                                 {"error", judged.error().what()}});
    co_return std::unexpected(std::move(judged).error());
  }
  auto& verdict = **judged;
  if (verdict.accepted) {
    co_return Finding{
        .accepted = std::move(*verdict.accepted), .text = std::move(text), .from = upstream};
  }
  race.passed_over = true;  // not for us: as if it had none
  log::warn("a narinfo is passed over",
            {{"narinfo", hash.str()}, {"upstream", upstream->name()}, {"why", verdict.why_not}});
  co_return std::nullopt;
}

// A bit that flipped on the way will not flip again: a signature that does not fit counts as theirs
// only if the same text comes twice.
Task<std::optional<Judged>> NarInfoSearch::ask_and_judge(upstream::Upstream& upstream,
                                                         nix::StorePathHash hash, std::string& text,
                                                         Deadline deadline) {
  CO_TRY(auto first, co_await upstream.find_narinfo(hash, deadline));
  if (!first) co_return std::nullopt;
  text = std::move(*first);
  CO_TRY(auto judged, co_await judge(upstream, hash, text));
  if (!judged.misfit) co_return std::optional(std::move(judged));
  CO_TRY(auto second, co_await upstream.find_narinfo(hash, deadline));
  if (!second) co_return std::nullopt;
  if (*second == text) co_return std::optional(std::move(judged));
  text = std::move(*second);
  CO_TRY(auto again, co_await judge(upstream, hash, text));
  if (again.misfit)
    co_return fail(ErrorKind::corrupt,
                   upstream.name() + ": its narinfo is another wrong one each time");
  co_return std::optional(std::move(again));
}

// Errors: as NarInfoJudge::judge's, and they name the upstream, as its own do.
Task<Judged> NarInfoSearch::judge(const upstream::Upstream& upstream, nix::StorePathHash hash,
                                  std::string_view text) const {
  auto judged = co_await judge_.judge(hash, text);
  if (!judged) co_return std::unexpected(std::move(judged).error().while_doing(upstream.name()));
  co_return std::move(*judged);
}

}  // namespace ncps::cache
