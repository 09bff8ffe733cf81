// Which span of which trace: what goes over the wire from a client to us and from us to an upstream.
//
// Source: W3C Trace Context (https://www.w3.org/TR/trace-context/), version 00. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ncps::trace {

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

struct SpanContext {
  TraceId trace_id{};
  SpanId span_id{};
  bool sampled = false;
  // tracestate: what the systems of others have to say about the trace, passed on as it came.
  // nullptr: there is none.
  std::shared_ptr<const std::string> state;

  // All zeroes is no id: there is no span.
  bool valid() const noexcept { return trace_id != TraceId{} && span_id != SpanId{}; }
};

// The header of that name. nullopt: malformed, which is as good as none. Of a later version what
// version 00 knows is read.
std::optional<SpanContext> parse_traceparent(std::string_view header);

// "00-<trace id>-<span id>-01".
std::string print_traceparent(const SpanContext& context);

// Whether such a tracestate is passed on: well-formed, at most 32 members and 512 bytes.
bool is_tracestate(std::string_view header) noexcept;

// What a request of somebody else says with these two headers. nullopt: nothing.
std::optional<SpanContext> parse_context(std::string_view traceparent, std::string_view tracestate);

std::string print_hex(std::span<const std::uint8_t> id);  // lower case

}  // namespace ncps::trace
