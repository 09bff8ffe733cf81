// Lines of the log on their way to a collector, beside stdout.
#pragma once

#include <chrono>
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

// Puts one there, if somebody wants it: for the log alone. Texts are cut: some come from strangers.
// `within`: the span that it was written in; not valid: in none.
void copy(Level level, std::chrono::system_clock::time_point time, std::string_view message,
          std::span<const Field> fields, const trace::SpanContext& within);

}  // namespace ncps::log
