// FaultPlan: which call of a fault double fails. One plan may be shared by several doubles, so that
// a test can walk through every step of a piece of work:
//
//   for (int n = 1; ; ++n) { plan.fail_nth(n); work(); if (!plan.fired()) break; }
//
// Thread-safe.
#pragma once

#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/guarded.h"
#include "base/result.h"

namespace ncps::testing {

class FaultPlan {
 public:
  // The n-th call from now on fails, counted from 1; it alone.
  void fail_nth(int n) {
    heal();
    state_.with([&](State& s) { s.left = n; });
  }

  // The same, but it throws, as nothing does that is not a bug or a lack of memory.
  void throw_nth(int n) {
    heal();
    state_.with([&](State& s) {
      s.left = n;
      s.throws = true;
    });
  }

  // Every call of that name fails, until heal().
  void fail_always(std::string name) {
    state_.with([&](State& s) { s.always.insert(std::move(name)); });
  }

  void heal() {
    state_.with([](State& s) { s = State{}; });
  }

  // Whether a call has failed since the last heal() or fail_nth().
  bool fired() const {
    return state_.with([](const State& s) { return s.fired; });
  }

  // For the doubles: unavailable, if this call has to fail.
  Result<void> call(const std::string& name) {
    auto [fails, throws] = state_.with([&](State& s) {
      bool this_one = (s.left > 0 && --s.left == 0) || s.always.contains(name);
      s.fired = s.fired || this_one;
      return std::pair(this_one, s.throws);
    });
    if (fails && throws) throw std::runtime_error("the test makes " + name + " throw");
    if (fails) return fail(ErrorKind::unavailable, "the test makes " + name + " fail");
    return {};
  }

 private:
  struct State {
    int left = 0;
    std::set<std::string> always;
    bool fired = false, throws = false;
  };
  Guarded<State> state_;
};

}  // namespace ncps::testing
