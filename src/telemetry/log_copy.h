// Lines of the log on their way to a collector, beside stdout.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "telemetry/export_queue.h"
#include "telemetry/log.h"
#include "telemetry/log_record.h"

namespace ncps::log {

using CopyQueue = telemetry::ExportQueue<telemetry::LogRecord>;

// From now on each line goes into that queue as well. nullptr: no more. Thread-safe.
void copy_to(std::shared_ptr<CopyQueue> queue);

// Puts one there, if somebody wants it: for write() alone. Texts are cut: some come from strangers.
void copy(Level level, std::string_view message, std::span<const Field> fields);

}  // namespace ncps::log
