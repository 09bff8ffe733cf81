// What a Machine is made of: libnghttp2's session, and the callbacks by which that tells what comes.
// For machine.cpp alone.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>

#include "http/h2/frame_budget.h"
#include "http/h2/machine.h"

namespace ncps::http::h2 {

struct MachineState {
  explicit MachineState(Events& to) : events(to) {}
  ~MachineState();
  MachineState(const MachineState&) = delete;
  MachineState& operator=(const MachineState&) = delete;

  Events& events;
  nghttp2_session* session = nullptr;
  Limits limits;
  FrameBudget budget;
  Machine::TimePoint now;
  Output* output = nullptr;  // within fill()
  std::size_t enough = 0;
  bool too_many = false;  // frames for their own sake
};

// A session that calls state.events. Throws bad_alloc.
nghttp2_session* make_session(MachineState& state);

// Of a response's body: asks Events::pull.
nghttp2_data_provider body_provider();

}  // namespace ncps::http::h2
