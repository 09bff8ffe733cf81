#include "lock/measured_leases.h"

#include <chrono>
#include <utility>

namespace ncps::lock {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

class MeasuredLease final : public Lease {
 public:
  MeasuredLease(std::unique_ptr<Lease> inner, metrics::Histogram held)
      : inner_(std::move(inner)), held_(held) {}
  ~MeasuredLease() override { held_.observe(seconds_since(since_)); }

  bool good() const noexcept override { return inner_->good(); }
  using Lease::progress;
  void progress(std::chrono::milliseconds longer) noexcept override { inner_->progress(longer); }
  std::uint64_t fence() const noexcept override { return inner_->fence(); }

 private:
  std::unique_ptr<Lease> inner_;
  metrics::Histogram held_;
  Clock::time_point since_ = Clock::now();
};

class MeasuredLeases final : public Leases {
 public:
  MeasuredLeases(std::unique_ptr<Leases> inner, LeaseProbe probe)
      : inner_(std::move(inner)), probe_(probe) {}

  Task<Taken> try_take(Ask ask, Deadline deadline) override {
    auto begin = Clock::now();
    auto taken = co_await inner_->try_take(std::move(ask), deadline);
    probe_.asking_seconds.observe(seconds_since(begin));
    if (!taken) {
      probe_.failed.add();
      if (taken.error().kind() == ErrorKind::timeout) probe_.timed_out.add();
      co_return std::move(taken);
    }
    auto* lease = std::get_if<std::unique_ptr<Lease>>(&*taken);
    (lease != nullptr ? probe_.taken : probe_.somebody_elses).add();
    if (lease != nullptr)
      *lease = std::make_unique<MeasuredLease>(std::move(*lease), probe_.held_seconds);
    co_return std::move(taken);
  }

  std::shared_ptr<Signal> given_back(const std::string& name) override {
    return inner_->given_back(name);
  }

  std::string trouble() const override { return inner_->trouble(); }

 private:
  std::unique_ptr<Leases> inner_;
  const LeaseProbe probe_;
};

}  // namespace

std::unique_ptr<Leases> measured(std::unique_ptr<Leases> inner, LeaseProbe probe) {
  return std::make_unique<MeasuredLeases>(std::move(inner), probe);
}

}  // namespace ncps::lock
