#include "telemetry/low_priority.h"

#include <sched.h>

namespace ncps::telemetry {

void give_way() noexcept {
  // Not a nice value: who has that keeps a processor for some ms, whoever else wakes up.
  const sched_param none{};
  constexpr pid_t kThisThread = 0;
  static_cast<void>(::sched_setscheduler(kThisThread, SCHED_IDLE, &none));
}

}  // namespace ncps::telemetry
