// Coroutines that know their current span (telemetry/span.h).
//
// Whatever resumes a coroutine goes through its executor. A traced one sets, around each of these,
// the thread's trace::Slot to that of the coroutine: nobody has to hand it on as an argument.
// TaskGroup::spawn does this while spans are recorded, and only then.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "telemetry/trace_context.h"

namespace ncps {

// Runs what `executor` would run, and nothing else: with a slot of its own, in which `current` is
// the current span. If `executor` is a traced one already, the other slot is not touched.
boost::asio::any_io_executor traced(const boost::asio::any_io_executor& executor,
                                    const trace::SpanContext& current);

}  // namespace ncps
