// The body of a request, read from its connection as the handler pulls it.
//
// Belongs to the session's thread. The first next() answers "Expect: 100-continue". A body that
// ends too early, stalls or is malformed is an Error of next(), and nothing after it on that
// connection can be told from it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "http/chunked_decoder.h"
#include "http/connection.h"
#include "http/least_rate.h"
#include "http/request_head.h"
#include "rt/byte_source.h"

namespace ncps::http {

class RequestBody final : public ByteSource {
 public:
  // What a handler has not read is read on up to this, so that the connection can go on.
  static constexpr std::uint64_t kDrained = 1024ul * 1024;

  // `arrived`: what came behind the head; stays where it is. `stall`: how long no byte may come.
  // `rate`: how much must come.
  RequestBody(Connection& connection, const RequestHead& head, std::string_view arrived,
              std::chrono::milliseconds stall, LeastRate::Rule rate);

  // Errors: invalid (ended too early, malformed), timeout (stalled, or too slow).
  Task<Piece> next() override;

  // ---- for the session, when the handler is done ----
  enum class Fate : std::uint8_t {
    whole,      // all of it was read
    drainable,  // the rest is small, and comes
    unread,     // what comes next cannot be told from it
    failed,     // stalled or malformed: the client can still be told
    gone,       // the client is not there any more
  };
  Fate fate() const noexcept;
  unsigned failed_status() const noexcept { return failed_status_; }  // of `failed`

  // REQUIRES: drainable. False: it did not come.
  boost::asio::awaitable<bool> drain();

  std::size_t taken() const noexcept { return arrived_size_ - arrived_.size(); }  // of `arrived`
  std::string_view surplus() const noexcept { return in_; }  // came behind the body

 private:
  boost::asio::awaitable<bool> receive();
  boost::asio::awaitable<bool> say_continue();
  Result<std::string_view> take(std::string_view& from);
  bool ended() const noexcept { return chunked_ ? decoder_.ended() : left_ == 0; }
  std::unexpected<Error> fail_with(ErrorKind kind, unsigned status, std::string_view what);
  std::size_t buffer_size() const noexcept;

  Connection& connection_;
  const std::chrono::milliseconds stall_;
  LeastRate rate_;
  const bool chunked_, drainable_;
  bool owes_continue_;
  std::uint64_t left_;  // of a body with a length
  ChunkedDecoder decoder_;
  std::string_view arrived_;
  const std::size_t arrived_size_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::string_view in_;  // received into buffer_, not used yet
  unsigned failed_status_ = 0;
  bool gone_ = false;
};

}  // namespace ncps::http
