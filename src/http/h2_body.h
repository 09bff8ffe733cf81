// The body of a request in HTTP/2: what has come of it, until the handler pulls it.
//
// Belongs to the session's thread. Little may come before the handler reads, more from then on
// (h2::Limits): the window of the stream is the back-pressure. The first next() answers "Expect:
// 100-continue". A body that breaks off or stalls is an Error of next().
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "http/bell.h"
#include "http/h2/machine.h"
#include "http/least_rate.h"
#include "rt/byte_source.h"

namespace ncps::http {

// What the bodies of one connection hold together. While it is little the connection's window is
// given back as they come: a body that nobody reads must not hold up one that somebody does.
class H2Intake {
 public:
  static constexpr std::size_t kMost = 4ul * 1024 * 1024;

  explicit H2Intake(h2::Machine& machine) : machine_(machine) {}
  void came(std::size_t bytes);
  void gone(std::size_t bytes);  // read, or thrown away

 private:
  h2::Machine& machine_;
  std::size_t held_ = 0, owed_ = 0;
};

class H2Body final : public ByteSource {
 public:
  struct Rules {
    bool expects_continue;
    std::chrono::milliseconds stall;  // how long no byte may come
    LeastRate::Rule rate;             // how much must come
  };

  // `output` is rung when the machine has something to send.
  H2Body(h2::Machine& machine, H2Intake& intake, Bell& output,
         const boost::asio::any_io_executor& executor, h2::StreamId id, Rules rules);
  ~H2Body() override;
  H2Body(const H2Body&) = delete;
  H2Body& operator=(const H2Body&) = delete;

  // ---- for the session ----
  void came(std::string_view bytes);
  void end();
  void break_off();  // nothing more comes

  // Errors: invalid (broke off), timeout (stalled, or too slow).
  Task<Piece> next() override;

  bool failed() const noexcept {
    return failed_;
  }  // stalled: the client can still be told, with 408

 private:
  void begin();
  void throw_away(std::string& bytes);

  h2::Machine& machine_;
  H2Intake& intake_;
  Bell& output_;
  Bell bell_;
  const h2::StreamId id_;
  const Rules rules_;
  LeastRate rate_;
  std::string waiting_, given_;
  bool begun_ = false, whole_ = false, broken_ = false, failed_ = false;
};

}  // namespace ncps::http
