#include "telemetry/flood_lines.h"

#include <algorithm>
#include <utility>

#include "telemetry/current_span.h"
#include "telemetry/low_priority.h"

namespace ncps::log {
namespace {

std::atomic<std::uint64_t> next_number{1};

}  // namespace

std::array<Field, UnmadeLine::kMostFields> UnmadeLine::none() {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Field, kMostFields>{(static_cast<void>(I), Field("", false))...};
  }(std::make_index_sequence<kMostFields>());
}

void UnmadeLine::set(Level of, std::string_view said, std::span<const Field> fields,
                     const trace::SpanContext* span) {
  level = of;
  at = std::chrono::steady_clock::now();
  message = said;
  within.trace_id = span != nullptr ? span->trace_id : trace::TraceId{};
  within.span_id = span != nullptr ? span->span_id : trace::SpanId{};
  count_ = std::min(fields.size(), kMostFields);
  texts_.clear();
  for (const auto& field : fields.first(count_))
    if (const auto* text = std::get_if<std::string_view>(&field.value)) texts_.append(*text);
  std::string_view rest = texts_;
  for (std::size_t i = 0; i < count_; ++i) {
    fields_[i] = fields[i];
    auto* text = std::get_if<std::string_view>(&fields_[i].value);
    if (text == nullptr) continue;
    auto size = text->size();
    *text = rest.substr(0, size);
    rest.remove_prefix(size);
  }
}

void UnmadeLine::done() {
  constexpr std::size_t kKept = 1'024;  // bytes; what a client asks for may be longer
  if (texts_.capacity() > kKept) std::string().swap(texts_);
}

FloodLines::FloodLines(std::function<void(const UnmadeLine&, std::string&)> make,
                       std::function<void(std::string_view)> write)
    : make_(std::move(make)),
      write_(std::move(write)),
      number_(next_number.fetch_add(1)),
      thread_([this] { run(); }) {}

FloodLines::~FloodLines() {
  if (thread_.joinable()) stop(std::chrono::hours(1));
}

FloodLines::Ring& FloodLines::mine() {
  struct Mine {
    std::uint64_t of = 0;
    std::shared_ptr<Ring> ring = {};
  };
  thread_local Mine mine;
  if (mine.of != number_) {
    mine = {.of = number_, .ring = std::make_shared<Ring>()};
    rings_.with([&](auto& rings) { rings.push_back(mine.ring); });
  }
  return *mine.ring;
}

bool FloodLines::has_room() {
  auto& ring = mine();
  if (ring.tail.load(std::memory_order_relaxed) - ring.head.load(std::memory_order_acquire) < kEach)
    return true;
  lost_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

// The order of the tail's store and the look at asleep_, and of their counterparts in
// sleep_until_there_are_some(), is what makes sure that no line waits for the one after it.
void FloodLines::put(Level level, std::string_view message, std::span<const Field> fields) {
  if (!has_room()) return;
  auto& ring = mine();
  auto tail = ring.tail.load(std::memory_order_relaxed);
  ring.lines[tail % kEach].set(level, message, fields, trace::current());
  ring.tail.store(tail + 1);
  if (asleep_.load()) wake();
}

void FloodLines::wake() {
  asleep_.store(false);
  asleep_.notify_one();
}

void FloodLines::sleep_until_there_are_some() {
  asleep_.store(true);
  bool any = rings_.with([](const auto& rings) {
    for (const auto& ring : rings)
      if (ring->tail.load() != ring->head.load()) return true;
    return false;
  });
  if (any || stopping_.load() || somebody_waits()) {
    asleep_.store(false);
    return;
  }
  asleep_.wait(true);
}

void FloodLines::run() {
  telemetry::give_way();
  for (bool last = false; !last;) {
    last = stopping_.load();
    auto drains = [&] { return std::lock_guard(mutex_), drains_; }();
    while (take_all()) {
    }
    {
      std::lock_guard lock(mutex_);
      drained_ = drains;
      ended_ = last;
      changed_.notify_all();
    }
    if (last) return;
    sleep_until_there_are_some();
    linger();
  }
}

bool FloodLines::somebody_waits() {
  std::lock_guard lock(mutex_);
  return drains_ != drained_;
}

void FloodLines::linger() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kLinger, [&] { return stopping_.load() || drains_ != drained_; });
}

// The oldest first. What is younger than the look at the rings waits for the next one: of two requests
// one after the other, on two threads, the second could be seen and the first not.
bool FloodLines::take_all() {
  struct Some {
    std::shared_ptr<Ring> ring;
    std::uint64_t head, tail;
    UnmadeLine& first() const { return ring->lines[head % kEach]; }
  };
  auto now = std::chrono::steady_clock::now();
  std::vector<Some> rings;
  for (auto& ring : rings_.with([](const auto& all) { return all; })) {
    Some some{.ring = ring, .head = ring->head.load(), .tail = ring->tail.load()};
    if (some.head != some.tail) rings.push_back(std::move(some));
  }
  bool any = false;
  while (!rings.empty()) {
    auto oldest = std::ranges::min_element(rings, {}, [](const Some& r) { return r.first().at; });
    if (oldest->first().at > now) break;
    any = true;
    take(oldest->first());
    oldest->first().done();
    oldest->ring->head.store(++oldest->head, std::memory_order_release);
    if (oldest->head == oldest->tail) rings.erase(oldest);
  }
  flush();
  return any;
}

void FloodLines::take(const UnmadeLine& line) {
  line_.clear();
  make_(line, line_);
  if (batch_.size() + line_.size() >= kAtOnce) flush();
  batch_.append(line_).push_back('\n');
}

void FloodLines::flush() {
  if (!batch_.empty()) write_(batch_);
  batch_.clear();
}

void FloodLines::drain(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  auto mine = ++drains_;
  changed_.notify_all();
  wake();
  changed_.wait_for(lock, patience, [&] { return drained_ >= mine; });
}

bool FloodLines::stop(std::chrono::milliseconds patience) {
  {
    std::unique_lock lock(mutex_);
    stopping_.store(true);
    changed_.notify_all();
    wake();
    if (!changed_.wait_for(lock, patience, [&] { return ended_; })) {
      thread_.detach();
      return false;
    }
  }
  thread_.join();
  return true;
}

}  // namespace ncps::log
