// Leases that are counted, whoever keeps them.
#pragma once

#include <memory>

#include "lock/lease_probe.h"
#include "lock/leases.h"

namespace ncps::lock {

// As `inner`, with each question and each lease counted by `probe`.
std::unique_ptr<Leases> measured(std::unique_ptr<Leases> inner, LeaseProbe probe);

}  // namespace ncps::lock
