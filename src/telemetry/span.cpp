#include "telemetry/span.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <random>

namespace ncps::trace {
namespace {

struct Tracer {
  Sampler sampler;
  std::shared_ptr<SpanQueue> queue;
};

std::atomic<Tracer*> tracer{nullptr};

std::uint64_t random_bits() {
  thread_local std::mt19937_64 engine([] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }());
  return engine();
}

template <std::size_t N>
std::array<std::uint8_t, N> random_id() {
  std::array<std::uint8_t, N> id{};
  for (std::size_t i = 0; i < N; i += 8) {
    auto bits = random_bits() | 1;  // never all zeroes
    std::memcpy(id.data() + i, &bits, 8);
  }
  return id;
}

std::uint64_t now_ns() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
}

}  // namespace

namespace detail {
constinit thread_local Slot* current_slot = nullptr;
}

void start(Sampler sampler, std::shared_ptr<SpanQueue> queue) {
  tracer.store(new Tracer{std::move(sampler), std::move(queue)});
}

void stop() {
  // It stays, and in reach of leak checkers: a span that ends late may still hold it.
  static auto* retired = new std::vector<Tracer*>;
  if (auto* old = tracer.exchange(nullptr)) retired->push_back(old);
}

bool enabled() noexcept {
  return tracer.load(std::memory_order_relaxed) != nullptr;
}

void Span::begin_child(Slot& slot, std::string_view name, Kind kind) {
  auto* to = tracer.load(std::memory_order_acquire);
  if (to == nullptr || to->queue->drop_unmade()) return;
  slot_ = &slot;
  before_ = slot.context;
  data_ = std::make_unique<SpanData>();
  data_->parent = slot.context.span_id;
  slot.context.span_id = random_id<8>();
  data_->context = slot.context;
  data_->name = name;
  data_->kind = kind;
  data_->start_ns = now_ns();
}

void Span::begin_first(Slot& slot, std::string_view name, First first) {
  auto* to = tracer.load(std::memory_order_acquire);
  if (to == nullptr) return;
  slot_ = &slot;
  before_ = std::move(slot.context);
  slot.context = first.parent != nullptr ? *first.parent : SpanContext();
  auto parent = slot.context.span_id;
  if (first.parent == nullptr) slot.context.trace_id = random_id<16>();
  slot.context.sampled = to->sampler.samples(slot.context.trace_id, first.parent);
  slot.context.span_id = random_id<8>();
  if (!slot.context.sampled || to->queue->drop_unmade()) return;
  data_ = std::make_unique<SpanData>();
  data_->parent = parent;
  data_->context = slot.context;
  data_->name = name;
  data_->kind = first.kind;
  data_->start_ns = now_ns();
}

void Span::rename(std::string_view name) {
  if (data_) data_->name = name.substr(0, kMostText);
}

void Span::fail(std::string_view what) {
  if (!data_) return;
  data_->failed = true;
  data_->failure = what.substr(0, kMostText);
}

void Span::end() noexcept {
  slot_->context = std::move(before_);
  if (!data_) return;
  data_->end_ns = std::max(now_ns(), data_->start_ns);  // a clock may be set back
  auto* to = tracer.load(std::memory_order_acquire);
  if (to != nullptr) to->queue->push(std::move(data_));
}

}  // namespace ncps::trace
