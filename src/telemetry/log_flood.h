// Lines of which there are as many as requests. They give way to all others: they wait in half of the
// queue only, and one for which there is no room there is not even made. It counts as dropped.
#pragma once

#include <span>
#include <string_view>

#include "telemetry/log.h"

namespace ncps::log {

// Thread-safe. As write(), but never at the expense of another line, nor of much time.
void write_if_room(Level level, std::string_view message, std::span<const Field> fields);

}  // namespace ncps::log
