#include "lock/measured_leases.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "rt/testing/run_sync.h"

namespace ncps::lock {
namespace {

struct FixedLease final : Lease {
  bool good() const noexcept override { return true; }
  std::uint64_t fence() const noexcept override { return 7; }
};

// Answers "a" with a lease, "b" with its holder; of anything else it cannot find out.
struct FixedLeases final : Leases {
  Task<Taken> try_take(Ask ask, Deadline) override {
    if (ask.name == "a") co_return Taken(std::make_unique<FixedLease>());
    if (ask.name == "b") co_return Taken(Holder{.note = "theirs", .fence = 3});
    co_return fail(ErrorKind::timeout, "no answer");
  }
  std::shared_ptr<Signal> given_back(const std::string&) override { return nullptr; }
};

TEST(MeasuredLeases, CountWhatCameOfEachQuestionAndChangeNothing) {
  boost::asio::io_context io;
  metrics::Registry registry;
  LeaseProbe probe(registry, Mode::distributed);
  auto leases = measured(std::make_unique<FixedLeases>(), probe);
  auto ask = [&](std::string name) {
    return testing::run_sync(io, leases->try_take({.name = std::move(name)}, Deadline::never()));
  };
  auto held = [&] {
    for (const auto& family : registry.picture())
      if (family.name.name == "ncps_lock_hold_duration_seconds")
        return family.samples.at(0).buckets.back();
    return std::uint64_t{999};
  };
  {
    auto ours = ask("a");
    ASSERT_TRUE(ours.has_value());
    const auto& lease = std::get<std::unique_ptr<Lease>>(*ours);
    EXPECT_TRUE(lease->good());
    EXPECT_EQ(lease->fence(), 7u);
    EXPECT_EQ(held(), 0u);
  }
  EXPECT_EQ(held(), 1u);
  auto theirs = ask("b");
  ASSERT_TRUE(theirs.has_value());
  EXPECT_EQ(std::get<Holder>(*theirs).note, "theirs");
  EXPECT_FALSE(ask("c").has_value());
  EXPECT_EQ(probe.taken.value(), 1u);
  EXPECT_EQ(probe.somebody_elses.value(), 1u);
  EXPECT_EQ(probe.failed.value(), 1u);
  EXPECT_EQ(probe.timed_out.value(), 1u);
  EXPECT_EQ(held(), 1u);
}

}  // namespace
}  // namespace ncps::lock
