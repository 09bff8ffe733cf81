#include "http/h2_stream.h"

#include <string>
#include <utility>

#include "http/body_account.h"
#include "http/connection.h"
#include "http/file_pages.h"
#include "http/source_writer.h"

namespace ncps::http {

namespace asio = boost::asio;

namespace {

constexpr std::uint64_t kAhead = 2ul * 1024 * 1024;

}  // namespace

h2::Pulled H2Stream::pull(std::span<char> to) {
  auto pulled = out_.pull(to);
  deferred_ = pulled.state == h2::Pulled::State::later;
  if (pulled.bytes > 0) moved_ = coarse_now();
  if (out_.empty() || out_.cold()) bell_.ring();
  return pulled;
}

void H2Stream::sent_whole() noexcept {
  whole_ = true;
  moved_ = coarse_now();
}

void H2Stream::close() noexcept {
  closed_ = true;
  if (body) body->break_off();
}

void H2Stream::wake() {
  told_ = closed_;
  with_kernel_ = whole_;
  bell_.ring();
}

void H2Stream::lose() noexcept {
  if (told_) return;
  whole_ = with_kernel_;
  close();
  bell_.ring();
}

bool H2Stream::waits_since(std::chrono::steady_clock::time_point when) const noexcept {
  return !out_.empty() && !deferred_ && moved_ <= when;
}

void H2Stream::resume() {
  moved_ = coarse_now();
  if (std::exchange(deferred_, false)) around_.machine.resume(id);
  around_.output.ring();
}

void H2Stream::offer_all(std::string_view text) {
  out_.offer(text);
  out_.end();
  resume();
}

void H2Stream::break_off() {
  out_.drop();
  if (!closed_) around_.machine.reset(id, h2::Code::internal_error);
  around_.output.ring();
}

asio::awaitable<void> H2Stream::warm_up_cold() {
  auto stretch = *out_.cold();
  auto work = [&] { return warm_up(stretch.fd, stretch.offset, stretch.length, kAhead); };
  co_await offload(around_.disk, std::move(work));  // a failure shows again when it is read
  if (!out_.cold()) co_return;
  out_.warmed();
  resume();
}

asio::awaitable<bool> H2Stream::deliver(Piece piece) {
  out_.offer(piece);
  resume();
  while (!closed_ && !out_.empty()) {
    if (out_.cold()) {
      co_await warm_up_cold();
    } else {
      co_await bell_.wait();
    }
  }
  co_return !closed_;
}

asio::awaitable<bool> H2Stream::send(ByteSource& source, std::optional<std::uint64_t> length,
                                     std::string_view target) {
  BodyAccount account(length, source);
  std::optional<char> last;
  std::optional<std::string> wrong;
  for (;;) {
    auto piece = co_await source.next();
    if (closed_) co_return false;
    wrong = piece ? account.take(piece_size(*piece)) : std::string(piece.error().what());
    if (wrong || piece_size(*piece) == 0) break;
    Piece now = *piece;
    if (account.keeps_last()) drop_last(now);
    if (!co_await deliver(now)) {
      if (!out_.failure().empty()) wrong = out_.failure();
      break;
    }
    if (!account.keeps_last()) continue;
    last = last_of(*piece);
    if (!last) {
      wrong = "the file's last byte cannot be read";
      break;
    }
  }
  if (wrong) {
    log_broken_body(target, *wrong);
    break_off();
    co_return false;
  }
  if (closed_) co_return false;
  char kept = last.value_or('\0');
  out_.offer(std::string_view(&kept, last ? 1 : 0));
  out_.end();
  resume();
  co_await wait_sent();
  co_return whole_;
}

asio::awaitable<void> H2Stream::wait_sent() {
  while (!closed_ && !with_kernel_) co_await bell_.wait();
}

asio::awaitable<void> H2Stream::wait_closed() {
  while (!closed_) co_await bell_.wait();
}

}  // namespace ncps::http
