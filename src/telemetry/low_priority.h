// Threads that tell about requests must not take the processors from them.
#pragma once

namespace ncps::telemetry {

// From now on the calling thread runs when other threads leave time, and a little beside them: a 68th
// part of what one of them gets (a nice value of 19; in Linux it belongs to a thread, sched(7)). Not
// SCHED_IDLE, by which an export did not end in time on a machine that others kept busy. Where the
// system refuses, nothing changes.
void give_way() noexcept;

}  // namespace ncps::telemetry
