// One stream of an HTTP/2 connection: a request, the bodies of both directions, and how it ended.
//
// Belongs to the session's thread. The coroutine that answers it waits here; the session tells it
// what becomes of it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include "http/bell.h"
#include "http/h2/machine.h"
#include "http/h2_body.h"
#include "http/h2_outgoing.h"
#include "http/h2_request.h"
#include "rt/byte_source.h"
#include "rt/offload.h"

namespace ncps::http {

class H2Stream {
 public:
  // All outlive it. `output` is rung when the machine has something to send.
  struct Around {
    h2::Machine& machine;
    Bell& output;
    Pool& disk;
    boost::asio::any_io_executor executor;
  };
  H2Stream(const Around& around, h2::StreamId id)
      : id(id), around_(around), bell_(around.executor) {}

  const h2::StreamId id;
  std::string client;  // whom it is from; request.client points into it
  H2Request request;
  bool has_head = false;  // all of it
  Refusal refusal;
  std::unique_ptr<H2Body> body;  // of a request that has one

  // ---- for the session ----
  h2::Pulled pull(std::span<char> to);
  void sent_whole() noexcept;
  void close() noexcept;  // by whomever; wake() follows
  void wake();            // what was sent for it is with the kernel
  void lose() noexcept;   // the connection is gone: what was sent may not have come
  bool waits_since(std::chrono::steady_clock::time_point when) const noexcept;
  // The client still sends a body, though it has had its answer before that.
  bool lingers_since(std::chrono::steady_clock::time_point when) const noexcept {
    return whole_ && !closed_ && moved_ <= when;
  }

  // ---- for the coroutine that answers ----
  bool is_closed() const noexcept { return closed_; }
  bool is_whole() const noexcept { return whole_; }
  std::uint64_t sent() const noexcept { return out_.sent(); }

  // Offers what lies in memory, all that there is.
  void offer_all(std::string_view text);

  // False: it ended before that, logged with `target` if that is not the client's doing. Resets the
  // stream then: a clean end is a complete body. `length`: if it was announced.
  boost::asio::awaitable<bool> send(ByteSource& source, std::optional<std::uint64_t> length,
                                    std::string_view target);

  boost::asio::awaitable<void> wait_sent();    // whole, or never
  boost::asio::awaitable<void> wait_closed();  // by both sides

  void break_off();  // the body cannot be finished: INTERNAL_ERROR

 private:
  boost::asio::awaitable<bool> deliver(Piece piece);
  boost::asio::awaitable<void> warm_up_cold();
  void resume();

  Around around_;
  Bell bell_;
  H2Outgoing out_;
  std::chrono::steady_clock::time_point moved_;  // when something was last offered or pulled
  bool deferred_ = false;                        // the machine waits for resume()
  bool closed_ = false;
  bool told_ = false;
  bool whole_ = false;
  bool with_kernel_ = false;  // all of the answer
};

}  // namespace ncps::http
