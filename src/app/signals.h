// SIGTERM, SIGINT: the first asks the program to end, the second ends it at once.
//
// Source: sigwait(3). block_signals() must be called before the first thread is made.
#pragma once

namespace ncps::app {

// In this and every later thread those signals wait for wait_for_stop(). SIGPIPE is ignored.
void block_signals();

// Returns with the number of the first one.
int wait_for_stop();

// From now on the next one ends the process at once, with 128 + its number.
void leave_at_next_signal();

}  // namespace ncps::app
