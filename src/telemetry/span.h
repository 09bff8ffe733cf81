// Spans: what took how long, within what.
//
//   trace::Span span("upstream GET", trace::Kind::client);   // within the current one, until the scope ends
//   span.set("http.response.status_code", 200);
//
// The current span is known to the thread: a coroutine that was started on a traced executor
// (rt/traced_executor.h) finds its own whenever it runs, and work that it offloads does as well. So
// a span lives in one scope of one coroutine, ends before those that it was begun in, and is never
// moved elsewhere.
//
// Nothing is recorded before start() and after stop(): then all of this costs a look at a pointer.
// Secrets never go into attributes: as in the log, whoever names a URL masks it first.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/attribute.h"
#include "telemetry/current_span.h"
#include "telemetry/export_queue.h"
#include "telemetry/sampler.h"

namespace ncps::trace {

enum class Kind : std::uint8_t { internal = 1, server = 2, client = 3 };  // as OTLP numbers them

// A span that has ended.
struct SpanData {
  SpanContext context;
  SpanId parent{};  // all zeroes: it is the first of its trace
  std::string name;
  Kind kind = Kind::internal;
  std::uint64_t start_ns = 0, end_ns = 0;  // since 1970
  std::vector<telemetry::Attribute> attributes;
  bool failed = false;
  std::string failure;  // what went wrong, if it failed
};
using SpanQueue = telemetry::ExportQueue<std::unique_ptr<SpanData>>;

// From now on spans are recorded, and go into `queue` when they end. Call once, from main, before
// coroutines begin.
void start(Sampler sampler, std::shared_ptr<SpanQueue> queue);

// From now on nothing goes into the queue. Spans that are open may end later.
void stop();

bool enabled() noexcept;

class Span {
 public:
  // Within the current span. Without one, or if that is not recorded, it does nothing.
  explicit Span(std::string_view name, Kind kind = Kind::internal) {
    if (auto* slot = detail::current_slot; slot != nullptr && slot->context.sampled)
      begin_child(*slot, name, kind);
  }

  // The first of a trace, or of our part of a trace that somebody else began (`parent`), whatever
  // is current. Does nothing where no slot is.
  struct First {
    Kind kind = Kind::internal;
    const SpanContext* parent = nullptr;
  };
  Span(std::string_view name, First first) {
    if (auto* slot = detail::current_slot; slot != nullptr) begin_first(*slot, name, first);
  }

  ~Span() {
    if (slot_ != nullptr) end();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

  bool recorded() const noexcept { return data_ != nullptr; }

  // Texts are cut to kMostText bytes: some come from strangers.
  // `key`: a literal.
  void set(std::string_view key, const auto& value) {
    if (!data_) return;
    data_->attributes.reserve(8);
    if constexpr (std::convertible_to<decltype(value), std::string_view>) {
      data_->attributes.emplace_back(key, std::string_view(value).substr(0, kMostText));
    } else {
      data_->attributes.emplace_back(key, value);
    }
  }
  static constexpr std::size_t kMostText = 1024;
  void rename(std::string_view name);
  void fail(std::string_view what);  // it failed, by what

 private:
  void begin_child(Slot& slot, std::string_view name, Kind kind);
  void begin_first(Slot& slot, std::string_view name, First first);
  void end() noexcept;

  Slot* slot_ = nullptr;  // nullptr: it does nothing
  SpanContext before_;    // the slot's
  std::unique_ptr<SpanData> data_;
};

}  // namespace ncps::trace
