// Machine: one HTTP/2 connection of a client as a protocol, without its socket.
//
//   machine.receive(bytes);        // calls Events
//   machine.fill(output, enough);  // what is to be sent now; asks Events::pull for bodies
//
// Source: RFC 9113 and RFC 7541, as libnghttp2 understands them; it refuses what is malformed:
// frames, pseudo-headers, upper case in names, headers that belong to a connection, a body of
// another length than its Content-Length.
//
// What one client can cost:
// * libnghttp2 bounds CONTINUATIONs (8 for a head), unsent answers to PING and SETTINGS (1,000), entries of
//   a SETTINGS (32), resets (1,000, then 33 a second), the HPACK tables (4 KiB each), idle streams.
// * We bound frames that ask for nothing (FrameBudget), frames that wait to be sent (kMostQueued),
//   bytes of bodies that nobody has read (Limits). Heads are bounded by whoever keeps them.
//
// Belongs to one thread. Events are called from within receive() and fill(), and may call respond(),
// resume(), reset() and the like, but neither receive() nor fill().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "http/h2/output.h"

namespace ncps::http::h2 {

using StreamId = std::int32_t;

// Why a stream or a connection ends. Source: RFC 9113 section 7.
enum class Code : std::uint32_t {
  no_error = 0,
  internal_error = 2,
  settings_timeout = 4,
  refused_stream = 7,
  cancel = 8,
  enhance_your_calm = 11,
};

struct Field {
  std::string_view name, value;  // a name in any case: it is sent in lower case
};

struct Limits {
  std::uint32_t streams = 256;             // of a client's at once
  std::uint32_t head_bytes = 32 * 1024;    // told to the client; heads are judged elsewhere
  std::int32_t unread_window = 16 * 1024;  // of a body that nobody reads yet
  std::int32_t read_window = 1024 * 1024;  // of one that somebody reads
  std::int32_t connection_window = 4 * 1024 * 1024;  // of all bodies of a connection
};

// What a body gives: bytes, or word of why there are none.
struct Pulled {
  enum class State : std::uint8_t { more, end, later, broken };
  std::size_t bytes = 0;
  State state =
      State::more;  // end: behind these bytes; later: none now, resume() tells; broken: RST
};

class Events {
 public:
  virtual void begin(StreamId id) = 0;  // a request begins
  virtual void field(StreamId id, Field field) = 0;
  enum class Body : bool { none, follows };
  virtual void head_complete(StreamId id, Body body) = 0;
  virtual void data(StreamId id, std::string_view bytes) = 0;
  virtual void data_end(StreamId id) = 0;    // whole, with or without trailers
  virtual void sent_whole(StreamId id) = 0;  // the response, up to its end
  virtual void closed(StreamId id) = 0;      // nothing more, in either direction
  virtual void settled() = 0;                // the client has accepted our settings
  virtual void pong() = 0;                   // the answer to ping()

  // Bytes of the response's body into `to`.
  virtual Pulled pull(StreamId id, std::span<char> to) = 0;

 protected:
  ~Events() = default;
};

struct MachineState;  // libnghttp2's

class Machine {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMostQueued = 4'000;  // frames that wait to be sent, but for bodies

  // Events outlive it. Queues our settings.
  Machine(Events& events, const Limits& limits);
  ~Machine();

  // False: the client cannot be spoken with any more, and gets nothing further.
  [[nodiscard]] bool receive(std::string_view bytes, TimePoint now);

  // Adds what is to be sent, until there are `enough` bytes or nothing is left. False: as receive().
  [[nodiscard]] bool fill(Output& output, std::size_t enough);

  // Nothing is to be sent or received any more.
  bool finished() const noexcept;

  enum class Content : bool { none, pulled };
  void respond(StreamId id, std::span<const Field> head, Content content);  // head: with ":status"
  void say_continue(StreamId id);
  void resume(StreamId id);  // after Pulled::later
  void reset(StreamId id, Code code);

  void start_reading(StreamId id);                // from here on the body may come quickly
  void consumed(StreamId id, std::size_t bytes);  // of its stream's window
  void consumed_connection(std::size_t bytes);    // of the connection's window

  // The client holds it up: its window is used up.
  bool is_stalled(StreamId id) const noexcept;

  void ping();
  void announce_end();        // GOAWAY, that everything is served still that comes
  void end();                 // GOAWAY: what comes from now on is not served, what has come is
  void terminate(Code code);  // GOAWAY, and nothing after it

 private:
  std::unique_ptr<MachineState> state_;
};

}  // namespace ncps::http::h2
