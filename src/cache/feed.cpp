#include "cache/feed.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/posix_error.h"

namespace ncps::cache {
namespace {

constexpr std::uint64_t kStretch = 1 << 20;
constexpr std::size_t kBuffer = 256 * 1024;

using FeedSink = std::function<Result<void>(std::string_view)>;

// How much of it the sink took.
Result<std::uint64_t> feed_span(FileSpan span, const SomeSink& sink) {
  // Not the bytes themselves: every thread of the process would have them from its start.
  static thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
  std::uint64_t taken = 0;
  while (taken < span.length) {
    auto wanted = std::min<std::uint64_t>(span.length - taken, kBuffer);
    auto n = ::pread(span.fd, buffer.get(), wanted, static_cast<off_t>(span.offset + taken));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::unexpected(posix_error("reading", "the store", n == 0 ? EIO : errno));
    TRY(auto some, sink({buffer.get(), static_cast<std::size_t>(n)}));
    taken += some;
    if (some < static_cast<std::size_t>(n)) break;
  }
  return taken;
}

SomeSink all_to(const FeedSink& sink) {
  return [&sink](std::string_view part) -> Result<std::size_t> {
    TRY(sink(part));
    return part.size();
  };
}

}  // namespace

Task<std::uint64_t> feed_turn(const Piece& piece, std::uint64_t first, std::uint64_t length,
                              Pool& pool, const SomeSink& sink) {
  auto work = [&]() -> Result<std::uint64_t> {
    if (const auto* text = std::get_if<std::string_view>(&piece))
      return sink(text->substr(first, length));
    auto span = std::get<FileSpan>(piece);
    return feed_span({span.fd, span.offset + first, length}, sink);
  };
  co_return co_await offload(pool, std::move(work));
}

Task<void> feed_piece(const Piece& piece, std::uint64_t first, std::uint64_t length, Pool& pool,
                      const FeedSink& sink) {
  auto all = all_to(sink);
  CO_TRY(co_await feed_turn(piece, first, length, pool, all));
  co_return Result<void>();
}

Task<void> feed(ByteSource& source, Pool& pool, Deadline deadline, const FeedSink& sink) {
  auto all = all_to(sink);
  co_return co_await feed_in_turns(source, pool, deadline, all);
}

Task<void> feed_in_turns(ByteSource& source, Pool& pool, Deadline deadline, const SomeSink& sink) {
  for (;;) {
    CO_TRY(auto piece, co_await source.next());
    auto left = piece_size(piece);
    if (left == 0) co_return Result<void>();
    std::uint64_t done = 0;
    while (left > 0) {
      if (deadline.passed()) co_return fail(ErrorKind::timeout, "not read before the deadline");
      CO_TRY(auto taken, co_await feed_turn(piece, done, std::min(left, kStretch), pool, sink));
      done += taken;
      left -= taken;
    }
  }
}

}  // namespace ncps::cache
