#include "http/h2_outgoing.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/posix_error.h"
#include "http/file_pages.h"

namespace ncps::http {
namespace {

constexpr std::uint64_t kStretch = 512ul * 1024;  // read from the disk before the next look

}  // namespace

void H2Outgoing::warmed() noexcept {
  warm_until_ = cold_->offset + cold_->length;
  cold_.reset();
}

// Nothing: later, or never.
std::optional<std::size_t> H2Outgoing::read_file(FileSpan& span, std::span<char> to) {
  iovec part{to.data(), std::min<std::size_t>(to.size(), span.length)};
  auto at = static_cast<off_t>(span.offset);
  auto got = ::preadv2(span.fd, &part, 1, at, RWF_NOWAIT);
  if (may_wait_for_disk(got, errno)) {
    if (span.offset >= warm_until_) {
      cold_ = FileSpan{span.fd, span.offset, std::min(span.length, kStretch)};
      return std::nullopt;
    }
    got = ::pread(span.fd, part.iov_base, part.iov_len, at);
  }
  if (got <= 0) {
    failure_ = got == 0 ? "the file is shorter than it was"
                        : posix_error("sending", "a file of the store", errno).what();
    return std::nullopt;
  }
  auto size = static_cast<std::size_t>(got);
  span.offset += size;
  span.length -= size;
  return size;
}

h2::Pulled H2Outgoing::pull(std::span<char> to) {
  using State = h2::Pulled::State;
  std::size_t size = 0;
  if (auto* text = std::get_if<std::string_view>(&piece_)) {
    size = text->copy(to.data(), to.size());
    text->remove_prefix(size);
  } else if (!empty()) {
    auto read = read_file(std::get<FileSpan>(piece_), to);
    if (!read) return {.state = failure_.empty() ? State::later : State::broken};
    size = *read;
  }
  sent_ += size;
  if (empty() && ended_) return {.bytes = size, .state = State::end};
  return {.bytes = size, .state = size > 0 ? State::more : State::later};
}

}  // namespace ncps::http
