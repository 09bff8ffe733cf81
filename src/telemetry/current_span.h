// Which span runs on this thread now: what offload() and lines of the log need to know of spans.
#pragma once

#include "telemetry/trace_context.h"

namespace ncps::trace {

// The place of one coroutine (or of the function that it has offloaded) in which it keeps its
// current span. One thread at a time.
struct Slot {
  SpanContext context;
};

namespace detail {
extern constinit thread_local Slot* current_slot;
}

inline Slot* current_slot() noexcept {
  return detail::current_slot;
}

// The span that runs on this thread now. nullptr: none, whether recorded or not.
inline const SpanContext* current() noexcept {
  auto* slot = detail::current_slot;
  return slot != nullptr && slot->context.valid() ? &slot->context : nullptr;
}

// The same as a value, for who goes on elsewhere; not valid: none.
inline SpanContext here() {
  const auto* context = current();
  return context != nullptr ? *context : SpanContext();
}

// For as long as it lives, that slot is this thread's.
class Enter {
 public:
  explicit Enter(Slot* slot) noexcept : before_(detail::current_slot) {
    detail::current_slot = slot;
  }
  ~Enter() { detail::current_slot = before_; }
  Enter(const Enter&) = delete;
  Enter& operator=(const Enter&) = delete;

 private:
  Slot* before_;
};

}  // namespace ncps::trace
