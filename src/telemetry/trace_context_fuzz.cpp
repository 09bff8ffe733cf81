#include "telemetry/trace_context.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::trace {

FUZZ_TARGET(trace_context) {
  if (auto context = parse_traceparent(input)) {
    CHECK(context->valid());
    auto text = print_traceparent(*context);
    auto again = parse_traceparent(text);
    CHECK(again && again->trace_id == context->trace_id && again->span_id == context->span_id &&
          again->sampled == context->sampled);
    CHECK(text.substr(3, 49) == input.substr(3, 49));
  }
  if (is_tracestate(input)) {
    CHECK(!input.empty() && input.size() <= 512);
    for (char c : input) CHECK(c == '\t' || (c >= 0x20 && c < 0x7f));
  }
  constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  auto whole = parse_context(kParent, input);
  CHECK(whole && (whole->state == nullptr || is_tracestate(*whole->state)));
}

}  // namespace ncps::trace
