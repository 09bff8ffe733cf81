#include "telemetry/low_priority.h"

#include <sys/resource.h>

namespace ncps::telemetry {

void give_way() noexcept {
  constexpr int kNicest = 19;
  constexpr id_t kThisThread = 0;
  static_cast<void>(::setpriority(PRIO_PROCESS, kThisThread, kNicest));
}

}  // namespace ncps::telemetry
