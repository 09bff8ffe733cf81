// Threads that tell about requests must not take the processors from them.
#pragma once

namespace ncps::telemetry {

// From now on the calling thread runs when no other thread of the process wants to, and a little
// beside them: SCHED_IDLE, sched(7). Where the system refuses, nothing changes.
void give_way() noexcept;

}  // namespace ncps::telemetry
