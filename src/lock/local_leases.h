// LocalLeases: for the only instance, or while the others cannot be asked.
//
// A lease here is never lost and never expires: it ends with its object, and so does the process
// that holds it. Hence there is nobody to be fenced: the fence is always 0. (A number that begins
// anew with each process would be smaller than one that Redis gave before, and be refused.)
// Thread-safe. Bounded by the leases that are held.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lock/leases.h"
#include "lock/named_signals.h"

namespace ncps::lock {

class LocalLeases final : public Leases {
 public:
  explicit LocalLeases(std::shared_ptr<NamedSignals> signals = std::make_shared<NamedSignals>());
  ~LocalLeases() override;

  Task<Taken> try_take(Ask ask, Deadline deadline) override;
  std::shared_ptr<Signal> given_back(const std::string& name) override;

  // Who has it now. nullopt: nobody.
  std::optional<Holder> holder(const std::string& name) const;

 private:
  class Held;
  struct State;
  std::shared_ptr<State> state_;  // shared with the leases
};

}  // namespace ncps::lock
