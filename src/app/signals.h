// SIGTERM, SIGINT: the first asks the program to end, the second ends it at once. SIGHUP: read the
// options anew.
//
// Source: sigwait(3). block_signals() must be called before the first thread is made.
#pragma once

namespace ncps::app {

// In this and every later thread those signals wait for wait_for_signal(). SIGPIPE is ignored.
void block_signals();

// Returns with the number of the next one: SIGTERM, SIGINT or SIGHUP.
int wait_for_signal();

// From now on SIGTERM and SIGINT end the process at once, with 128 + their number, and SIGHUP does
// nothing.
void leave_at_next_signal();

}  // namespace ncps::app
