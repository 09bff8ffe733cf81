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

Result<void> feed_span(FileSpan span, const FeedSink& sink) {
  // Not the bytes themselves: every thread of the process would have them from its start.
  static thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
  while (span.length > 0) {
    auto wanted = std::min<std::uint64_t>(span.length, kBuffer);
    auto n = ::pread(span.fd, buffer.get(), wanted, static_cast<off_t>(span.offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::unexpected(posix_error("reading", "the store", n == 0 ? EIO : errno));
    TRY(sink({buffer.get(), static_cast<std::size_t>(n)}));
    span.offset += static_cast<std::uint64_t>(n);
    span.length -= static_cast<std::uint64_t>(n);
  }
  return {};
}

}  // namespace

Task<void> feed_piece(const Piece& piece, std::uint64_t first, std::uint64_t length, Pool& pool,
                      const FeedSink& sink) {
  auto work = [&] {
    if (const auto* text = std::get_if<std::string_view>(&piece))
      return sink(text->substr(first, length));
    auto span = std::get<FileSpan>(piece);
    return feed_span({span.fd, span.offset + first, length}, sink);
  };
  co_return co_await offload(pool, std::move(work));
}

Task<void> feed(ByteSource& source, Pool& pool, Deadline deadline, const FeedSink& sink) {
  for (;;) {
    CO_TRY(auto piece, co_await source.next());
    auto left = piece_size(piece);
    if (left == 0) co_return Result<void>();
    std::uint64_t done = 0;
    while (left > 0) {
      if (deadline.passed()) co_return fail(ErrorKind::timeout, "not read before the deadline");
      auto length = std::min(left, kStretch);
      CO_TRY(co_await feed_piece(piece, done, length, pool, sink));
      done += length;
      left -= length;
    }
  }
}

}  // namespace ncps::cache
