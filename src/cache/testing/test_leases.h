// TestLeases: leases of several instances in one process, with fences, that are lost when the test says
// so. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/guarded.h"
#include "lock/leases.h"
#include "lock/named_signals.h"

namespace ncps::cache {

class TestLeases final : public lock::Leases {
 public:
  // ---- the script ----
  // Nobody can be asked, from now on or no more.
  void away(bool away) {
    state_->with([&](State& s) { s.away = away; });
  }
  // As if its holder had died: it is free. `noticed`: the holder sees that, too.
  void expire(const std::string& name, bool noticed = true) {
    state_->with([&](State& s) {
      auto it = s.held.find(name);
      if (it == s.held.end()) return;
      if (noticed) it->second.lost->store(true);
      s.held.erase(it);
    });
  }
  std::optional<lock::Holder> holder(const std::string& name) const {
    return state_->with([&](const State& s) -> std::optional<lock::Holder> {
      auto it = s.held.find(name);
      return it == s.held.end() ? std::nullopt : std::optional(it->second.who);
    });
  }
  std::size_t held() const {
    return state_->with([](const State& s) { return s.held.size(); });
  }
  // How often the work under any of them has come on.
  std::size_t steps() const {
    return state_->with([](const State& s) { return s.steps; });
  }
  // What was asked for last.
  lock::Ask last_ask() const {
    return state_->with([](const State& s) { return s.last; });
  }
  std::size_t asked() const {
    return state_->with([](const State& s) { return s.asked; });
  }
  // Somebody of whom nobody knows anything holds it, with that note.
  void take(const std::string& name, std::string note) {
    state_->with([&](State& s) {
      s.held[name] = {.who = {.note = std::move(note), .fence = ++s.fence},
                      .lost = std::make_shared<std::atomic<bool>>(false)};
    });
  }

  // ---- Leases ----
  Task<lock::Taken> try_take(lock::Ask ask, Deadline) override {
    CO_TRY(lock::check(ask));
    auto taken = state_->with([&](State& s) -> Result<lock::Taken> {
      ++s.asked;
      s.last = ask;
      if (s.away) return fail(ErrorKind::unavailable, "nobody can be asked for leases");
      auto it = s.held.find(ask.name);
      if (it != s.held.end()) return lock::Taken(it->second.who);
      auto lost = std::make_shared<std::atomic<bool>>(false);
      auto fence = ++s.fence;
      s.held[ask.name] = {.who = {.note = ask.note, .fence = fence}, .lost = lost};
      return lock::Taken(std::make_unique<Held>(state_, signals_, ask.name, fence, lost));
    });
    co_return taken;
  }
  std::shared_ptr<Signal> given_back(const std::string& name) override {
    return signals_->of(name);
  }

 private:
  struct One {
    lock::Holder who;
    std::shared_ptr<std::atomic<bool>> lost;
  };
  struct State {
    std::map<std::string, One> held;
    std::uint64_t fence = 1'760'000'000'000'000;
    std::size_t asked = 0, steps = 0;
    lock::Ask last = {};
    bool away = false;
  };
  using Shared = std::shared_ptr<Guarded<State>>;

  class Held final : public lock::Lease {
   public:
    Held(Shared state, std::shared_ptr<lock::NamedSignals> signals, std::string name,
         std::uint64_t fence, std::shared_ptr<std::atomic<bool>> lost)
        : state_(std::move(state)),
          signals_(std::move(signals)),
          name_(std::move(name)),
          fence_(fence),
          lost_(std::move(lost)) {}
    ~Held() override {
      state_->with([&](State& s) {
        auto it = s.held.find(name_);
        if (it != s.held.end() && it->second.who.fence == fence_) s.held.erase(it);
      });
      signals_->notify(name_);
    }
    bool good() const noexcept override { return !lost_->load(); }
    using lock::Lease::progress;
    void progress(std::chrono::milliseconds) noexcept override {
      state_->with([](State& s) { ++s.steps; });
    }
    std::uint64_t fence() const noexcept override { return fence_; }

   private:
    Shared state_;
    std::shared_ptr<lock::NamedSignals> signals_;
    std::string name_;
    std::uint64_t fence_;
    std::shared_ptr<std::atomic<bool>> lost_;
  };

  Shared state_ = std::make_shared<Guarded<State>>();
  std::shared_ptr<lock::NamedSignals> signals_ = std::make_shared<lock::NamedSignals>();
};

}  // namespace ncps::cache
