// The fixture of leases_contract.h.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lock/leases.h"
#include "rt/block_on.h"

namespace ncps::lock {

// Two instances that agree with each other; of one process the same object twice.
struct TwoLeases {
  std::shared_ptr<Leases> here, there;
};
using LeasesFactory = std::function<TwoLeases()>;

class LeasesContract : public ::testing::TestWithParam<LeasesFactory> {
 protected:
  static constexpr auto kPatience = std::chrono::seconds(30);

  static Ask ask(std::string name, std::string note = "") {
    return {.name = std::move(name), .note = std::move(note)};
  }

  Result<Taken> take(Leases& leases, Ask what) {
    return block_on(runtime, leases.try_take(std::move(what), Deadline::after(kPatience)));
  }

  // Ours, once whoever has it has given it back. nullptr: it never was.
  std::unique_ptr<Lease> wait_for(Leases& leases, const Ask& what) {
    auto signal = leases.given_back(what.name);
    for (auto deadline = Deadline::after(kPatience); !deadline.passed();) {
      auto seen = signal->version();
      auto taken = take(leases, what);
      if (!taken) return nullptr;
      if (auto* lease = std::get_if<std::unique_ptr<Lease>>(&*taken)) return std::move(*lease);
      wait_past(*signal, seen, deadline.at_most(std::chrono::seconds(1)));
    }
    return nullptr;
  }

  bool wait_past(Signal& signal, std::uint64_t seen, Deadline deadline) {
    auto wait = [](Signal& s, std::uint64_t v, Deadline d) -> Task<bool> {
      co_return co_await s.wait_past(v, d);
    };
    return block_on(runtime, wait(signal, seen, deadline)).value_or(false);
  }

  static std::unique_ptr<Lease> ours(Result<Taken> taken) {
    if (!taken || taken->index() != 0) return nullptr;
    return std::get<0>(*std::move(taken));
  }

  static std::optional<Holder> theirs(Result<Taken> taken) {
    if (!taken || taken->index() != 1) return std::nullopt;
    return std::get<1>(*std::move(taken));
  }

  // Takes it, looks whether anybody else has it, and gives it back, `rounds` times.
  static boost::asio::awaitable<void> take_in_turn(Leases& leases, std::string name, int rounds,
                                                   std::atomic<int>& inside,
                                                   std::atomic<int>& together) {
    auto signal = leases.given_back(name);
    for (int done = 0; done < rounds;) {
      auto seen = signal->version();
      Ask what{.name = name};
      auto taken = co_await leases.try_take(std::move(what), Deadline::after(kPatience));
      if (!taken) co_return;  // whoever counts the rounds sees that
      if (taken->index() == 1) {
        co_await signal->wait_past(seen, Deadline::after(std::chrono::seconds(1)));
        continue;
      }
      if (inside.fetch_add(1) != 0) together.fetch_add(1);
      co_await sleep_for(std::chrono::milliseconds(0));  // lets others run
      inside.fetch_sub(1);
      rounds_done.fetch_add(1);
      ++done;
      std::get<0>(*taken).reset();
    }
  }

  inline static std::atomic<int> rounds_done = 0;

  Runtime runtime{4};
  TwoLeases both = GetParam()();
  Leases& here = *both.here;
  Leases& there = *both.there;
};

}  // namespace ncps::lock
