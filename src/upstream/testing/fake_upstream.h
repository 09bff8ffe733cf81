// FakeUpstream: an upstream that does what a test tells it, and remembers what it was asked.
// Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "rt/testing/gate.h"
#include "upstream/testing/fake_nar.h"
#include "upstream/upstream.h"

namespace ncps::upstream {

class FakeUpstream final : public Upstream {
 public:
  struct Call {
    std::string what;          // "<hash>.narinfo", or the URL of a NAR
    std::uint64_t first_byte;  // of a NAR
    fetch::Decode decode;
    Deadline deadline;
  };

  explicit FakeUpstream(std::string name, int priority = 40)
      : name_(std::move(name)), priority_(priority) {
    probed_.open();
  }

  // ---- the script ----
  void narinfo(const nix::StorePathHash& hash, Result<std::optional<std::string>> answer) {
    script_.with([&](Script& s) { s.narinfos.insert_or_assign(hash, std::move(answer)); });
  }
  void narinfos_wait(std::shared_ptr<testing::Gate> gate) {
    script_.with([&](Script& s) { s.narinfo_gate = std::move(gate); });
  }
  // One answer after the other; the last one stays.
  void nar(const std::string& url, std::vector<FakeNar> answers) {
    script_.with(
        [&](Script& s) { s.nars[url] = std::deque<FakeNar>(answers.begin(), answers.end()); });
  }
  void nar(const std::string& url, FakeNar answer) { nar(url, std::vector{std::move(answer)}); }
  void no_nar(const std::string& url) {
    script_.with([&](Script& s) { s.nars.erase(url); });
  }

  void stands(Standing standing) {
    script_.with([&](Script& s) { s.standing = standing; });
  }
  void came_back() {
    script_.with([](Script& s) { ++s.returns; });
  }
  void usually_takes(std::chrono::milliseconds delay) {
    script_.with([&](Script& s) { s.usual_delay = delay; });
  }

  // Is to be probed then, and after each probe at the next of these times; after the last: never.
  void probes_are_due(std::deque<Deadline::Clock::time_point> times) {
    script_.with([&](Script& s) { s.probes_due = std::move(times); });
    next_probe_nearer_.notify();
  }
  // One answer after the other; the last one stays. At first: good.
  void probes_say(std::deque<Result<void>> answers) {
    script_.with([&](Script& s) { s.probe_answers = std::move(answers); });
  }
  void probes_wait(std::shared_ptr<testing::Gate> gate) {
    script_.with([&](Script& s) { s.probe_gate = std::move(gate); });
  }
  // Blocks until so many probes have ended in all. False: they have not within a minute.
  bool wait_for_probes(unsigned n) { return probed_.wait_for(static_cast<int>(n)); }
  unsigned probes() const { return static_cast<unsigned>(probed_.come()); }

  std::vector<Call> calls() const {
    return script_.with([](const Script& s) { return s.calls; });
  }
  std::size_t asked() const { return calls().size(); }
  std::size_t asked_for(std::string_view what) const {
    auto all = calls();
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](const Call& c) { return c.what == what; }));
  }

  // ---- Upstream ----
  const std::string& name() const noexcept override { return name_; }
  int priority() const noexcept override { return priority_; }
  Standing standing() const noexcept override {
    return script_.with([](const Script& s) { return s.standing; });
  }
  std::uint64_t returns() const noexcept override {
    return script_.with([](const Script& s) { return s.returns; });
  }
  std::chrono::milliseconds usual_delay() const noexcept override {
    return script_.with([](const Script& s) { return s.usual_delay; });
  }
  Task<void> probe(Deadline) override {
    auto gate = script_.with([](Script& s) { return s.probe_gate; });
    if (gate) co_await gate->pass();
    auto answer = script_.with([](Script& s) {
      if (!s.probes_due.empty()) s.probes_due.pop_front();
      auto next = s.probe_answers.empty() ? Result<void>() : s.probe_answers.front();
      if (s.probe_answers.size() > 1) s.probe_answers.pop_front();
      return next;
    });
    co_await probed_.pass();
    co_return answer;
  }
  Deadline::Clock::time_point next_probe() const noexcept override {
    return script_.with([](const Script& s) {
      return s.probes_due.empty() ? Deadline::Clock::time_point::max() : s.probes_due.front();
    });
  }
  Signal& next_probe_nearer() noexcept override { return next_probe_nearer_; }

  Task<std::optional<std::string>> find_narinfo(nix::StorePathHash hash,
                                                Deadline deadline) override {
    auto gate = script_.with([&](Script& s) {
      s.calls.push_back({std::string(hash.str()) + ".narinfo", 0, fetch::Decode::yes, deadline});
      return s.narinfo_gate;
    });
    if (gate) co_await gate->pass();
    co_return script_.with([&](Script& s) -> Result<std::optional<std::string>> {
      auto it = s.narinfos.find(hash);
      if (it == s.narinfos.end()) return std::optional<std::string>();
      return it->second;
    });
  }

  Task<std::optional<FileBody>> open_file(std::string url, std::uint64_t first_byte,
                                          fetch::Decode decode, Deadline deadline) override {
    auto nar = next_nar(url, first_byte, decode, deadline);
    if (!nar) co_return std::optional<FileBody>();
    if (nar->answers) co_await nar->answers->pass();
    if (nar->refuses) co_return std::unexpected(*nar->refuses);
    auto first = nar->ranges ? first_byte : 0;
    std::optional<std::uint64_t> total;
    if (nar->says_total) total = nar->total.value_or(nar->bytes.size());
    FileBody body{.first_byte = first,
                  .total = total,
                  .bytes = std::make_unique<FakeNarBody>(name_, std::move(*nar), first)};
    co_return std::optional<FileBody>(std::move(body));
  }

  Task<std::optional<FileHead>> find_file(std::string url, Deadline deadline) override {
    auto nar = next_nar(url, 0, fetch::Decode::no, deadline);
    if (!nar) co_return std::optional<FileHead>();
    if (nar->refuses) co_return std::unexpected(*nar->refuses);
    FileHead head;
    if (nar->says_total) head.total = nar->total.value_or(nar->bytes.size());
    co_return std::optional<FileHead>(head);
  }

 private:
  struct Script {
    std::map<nix::StorePathHash, Result<std::optional<std::string>>> narinfos;
    std::shared_ptr<testing::Gate> narinfo_gate;
    std::map<std::string, std::deque<FakeNar>> nars;
    std::vector<Call> calls;
    Standing standing = Standing::good;
    std::uint64_t returns = 0;
    std::deque<Deadline::Clock::time_point> probes_due;
    std::deque<Result<void>> probe_answers;
    std::shared_ptr<testing::Gate> probe_gate;
    std::chrono::milliseconds usual_delay{60'000};  // nobody is asked beside it by chance
  };

  std::optional<FakeNar> next_nar(const std::string& url, std::uint64_t first, fetch::Decode decode,
                                  Deadline deadline) {
    return script_.with([&](Script& s) -> std::optional<FakeNar> {
      s.calls.push_back({url, first, decode, deadline});
      auto it = s.nars.find(url);
      if (it == s.nars.end()) return std::nullopt;
      auto nar = it->second.front();
      if (it->second.size() > 1) it->second.pop_front();
      return nar;
    });
  }

  std::string name_;
  int priority_;
  Guarded<Script> script_;
  testing::Gate probed_;  // open: it counts
  Signal next_probe_nearer_;
};

}  // namespace ncps::upstream
