// MayFail: leases that can be made to go away. (A real Redis that does: lock/redis/outage_test.cpp.)
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "lock/local_leases.h"

namespace ncps::lock {

class MayFail final : public Leases {
 public:
  explicit MayFail(std::shared_ptr<NamedSignals> signals) : inner_(std::move(signals)) {}
  Task<Taken> try_take(Ask ask, Deadline deadline) override {
    ++asked;
    if (failure) co_return fail(*failure, "Redis is away");
    co_return co_await inner_.try_take(std::move(ask), deadline);
  }
  std::shared_ptr<Signal> given_back(const std::string& name) override {
    return inner_.given_back(name);
  }
  std::string trouble() const override { return failure ? "Redis is away" : ""; }

  std::optional<ErrorKind> failure;
  std::atomic<int> asked = 0;

 private:
  LocalLeases inner_;
};

}  // namespace ncps::lock
