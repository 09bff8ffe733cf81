// Lines of which there are as many as requests. They give way to all other work: one for which there is no
// room (flood_lines.h) is not even made. It counts as dropped, for a collector as well.
#pragma once

#include <span>
#include <string_view>

#include "telemetry/log.h"

namespace ncps::log {

// Whether write_if_room() would write a line of that level now; if there is no room, it counts as dropped.
bool has_room(Level level);

// As write(), but never at the expense of another line, and a little later. Message and keys are literals.
// Thread-safe.
void write_if_room(Level level, std::string_view message, std::span<const Field> fields);

// Waits until what was written so far is where it belongs, a collector's queue included; where nobody
// reads it gives up after 2 s.
void drain_flood();

}  // namespace ncps::log
