#include "http/request_body.h"

#include <algorithm>
#include <array>
#include <string>

namespace ncps::http {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kSmallBuffer = 16ul * 1024;
constexpr std::size_t kLargeBuffer = 256ul * 1024;
constexpr auto kDrainTime = std::chrono::seconds(10);  // for all that a handler has left

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

RequestBody::RequestBody(Connection& connection, const RequestHead& head, std::string_view arrived,
                         std::chrono::milliseconds stall, LeastRate::Rule rate)
    : connection_(connection),
      stall_(stall),
      rate_(rate),
      chunked_(!head.content_length),
      drainable_(!chunked_ && head.method != Method::get && head.method != Method::head),
      owes_continue_(head.expects_continue && arrived.empty()),
      left_(head.content_length.value_or(0)),
      arrived_(arrived),
      arrived_size_(arrived.size()) {}

// Of a body with a length nothing is received that is not its own. Of a chunked one there may be
// some: few bytes, because they have to be kept.
std::size_t RequestBody::buffer_size() const noexcept {
  if (chunked_) return kSmallBuffer;
  return static_cast<std::size_t>(std::min<std::uint64_t>(left_, kLargeBuffer));
}

std::unexpected<Error> RequestBody::fail_with(ErrorKind kind, unsigned status,
                                              std::string_view what) {
  failed_status_ = status;
  return fail(kind, std::string(what));
}

asio::awaitable<bool> RequestBody::say_continue() {
  owes_continue_ = false;
  std::array parts{part(kContinue)};
  co_return co_await connection_.send(parts);
}

// Fills in_. False: nothing comes.
asio::awaitable<bool> RequestBody::receive() {
  auto size = buffer_size();
  if (!buffer_) {
    capacity_ = size;
    buffer_ = std::make_unique_for_overwrite<char[]>(size);
  }
  auto begin = coarse_now();
  connection_.receive_until(begin + std::min<std::chrono::milliseconds>(stall_, rate_.patience()));
  auto got = co_await connection_.receive({buffer_.get(), std::min(size, capacity_)});
  in_ = {buffer_.get(), got};
  auto waited = std::chrono::ceil<std::chrono::milliseconds>(coarse_now() - begin);
  rate_.came(got, waited);
  if (got == 0) co_return false;
  connection_.receive_until(Connection::TimePoint::max());
  co_return true;
}

Result<std::string_view> RequestBody::take(std::string_view& from) {
  if (chunked_) {
    auto bytes = decoder_.take(from);
    if (!bytes) return fail_with(ErrorKind::invalid, 400, bytes.error().what());
    return bytes;
  }
  auto bytes =
      from.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, from.size())));
  from.remove_prefix(bytes.size());
  left_ -= bytes.size();
  return bytes;
}

Task<Piece> RequestBody::next() {
  while (!ended()) {
    auto& from = arrived_.empty() ? in_ : arrived_;
    if (!from.empty()) {
      CO_TRY(auto bytes, take(from));
      if (!bytes.empty()) co_return Piece(bytes);
      continue;
    }
    if (owes_continue_ && !co_await say_continue()) {
      gone_ = true;
      co_return fail(ErrorKind::invalid, "the client is gone");
    }
    if (co_await receive()) continue;
    if (connection_.timed_out())
      co_return fail_with(ErrorKind::timeout, 408, "the body stalled, or came too slowly");
    gone_ = true;
    co_return fail(ErrorKind::invalid, "the body broke off on its way here");
  }
  co_return Piece(std::string_view());
}

RequestBody::Fate RequestBody::fate() const noexcept {
  if (gone_) return Fate::gone;
  if (failed_status_ != 0) return Fate::failed;
  if (ended()) return Fate::whole;
  return drainable_ && !owes_continue_ && left_ <= kDrained ? Fate::drainable : Fate::unread;
}

asio::awaitable<bool> RequestBody::drain() {
  auto until = coarse_now() + kDrainTime;
  while (!ended() && coarse_now() < until) {
    auto piece = co_await next();
    if (!piece) co_return false;
  }
  co_return ended();
}

}  // namespace ncps::http
