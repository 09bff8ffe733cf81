#include "lock/degraded_leases.h"

#include <atomic>
#include <utility>

#include "lock/local_leases.h"
#include "telemetry/log.h"

namespace ncps::lock {
namespace {

bool is_gone(const Error& error) {
  return error.kind() == ErrorKind::unavailable || error.kind() == ErrorKind::timeout;
}

class DegradedLeases final : public Leases {
 public:
  DegradedLeases(std::unique_ptr<Leases> shared, std::shared_ptr<NamedSignals> signals)
      : shared_(std::move(shared)), local_(std::move(signals)) {}

  Task<Taken> try_take(Ask ask, Deadline deadline) override {
    if (auto holder = local_.holder(ask.name)) co_return Taken(std::move(*holder));
    auto taken = co_await shared_->try_take(ask, deadline);
    if (taken) {
      if (alone_.exchange(false)) log::info("leases are shared with the other instances again");
      // Taken here alone while we asked: whoever has it was not seen above.
      if (auto holder = local_.holder(ask.name)) co_return Taken(std::move(*holder));
      co_return taken;
    }
    if (!is_gone(taken.error())) co_return taken;
    if (!alone_.exchange(true))
      log::warn("going on with leases of this instance alone: others may do the same work",
                {{"error", taken.error().what()}});
    co_return co_await local_.try_take(std::move(ask), deadline);
  }

  std::shared_ptr<Signal> given_back(const std::string& name) override {
    return shared_->given_back(name);
  }

  std::string trouble() const override { return shared_->trouble(); }

 private:
  std::unique_ptr<Leases> shared_;
  LocalLeases local_;
  std::atomic<bool> alone_ = false;
};

}  // namespace

std::unique_ptr<Leases> make_degraded_leases(std::unique_ptr<Leases> shared,
                                             std::shared_ptr<NamedSignals> signals) {
  return std::make_unique<DegradedLeases>(std::move(shared), std::move(signals));
}

}  // namespace ncps::lock
