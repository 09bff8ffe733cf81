#include "telemetry/log_copy.h"

#include <atomic>
#include <chrono>
#include <vector>
namespace ncps::log {
namespace {

constexpr std::size_t kMostText = 4096;  // bytes of the message, and of each field

std::atomic<CopyQueue*> copies{nullptr};

}  // namespace

void copy_to(std::shared_ptr<CopyQueue> queue) {
  // They stay, and in reach of leak checkers: who is writing a line may still hold the pointer.
  static auto* kept = new std::vector<std::shared_ptr<CopyQueue>>;
  copies.store(queue.get());
  if (queue) kept->push_back(std::move(queue));
}

void copy(Level level, std::chrono::system_clock::time_point time, std::string_view message,
          std::span<const Field> fields, const trace::SpanContext& within) {
  auto* to = copies.load(std::memory_order_acquire);
  if (to == nullptr || to->drop_unmade()) return;
  telemetry::LogRecord record{.time_ns = static_cast<std::uint64_t>(
                                  std::chrono::nanoseconds(time.time_since_epoch()).count()),
                              .level = level,
                              .message = std::string(message.substr(0, kMostText)),
                              .context = within};
  record.attributes.reserve(fields.size());
  for (const auto& field : fields) {
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      record.attributes.emplace_back(field.key, text->substr(0, kMostText));
    } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
      record.attributes.emplace_back(field.key, *number);
    } else if (const auto* real = std::get_if<double>(&field.value)) {
      record.attributes.emplace_back(field.key, *real);
    } else {
      record.attributes.emplace_back(field.key, std::get<bool>(field.value));
    }
  }
  to->push(std::move(record));
}

}  // namespace ncps::log
