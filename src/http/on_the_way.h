// OnTheWay: how much of what is sent may be on its way to a client on this machine. Little, while several read
// files; as much as the kernel likes for one or two.
//
// The kernel lets it grow to tcp_wmem's most (4 MiB). With several readers that has left the processor's caches
// before it is read, and whoever waits for his turn waits for megabytes of others. With one reader it must be so
// much: with less, the server and he sleep and wake in turns. Measured in docs/measurements.md.
// Clients elsewhere keep what the kernel gives: a long way needs as much as comes together in a round trip.
//
// Source: socket(7), SO_SNDBUF; SO_BUF_LOCK of Linux 5.14 (before it, what is little stays little).
#pragma once

#include <atomic>
#include <boost/asio/generic/stream_protocol.hpp>

#include "http/network.h"

namespace ncps::http {

// The large files that a server is sending just now. Thread-safe.
class FileSends {
 public:
  static constexpr int kFew = 2;

  class One {
   public:
    explicit One(FileSends& all) noexcept : all_(all) { ++all_.under_way_; }
    One(const One&) = delete;
    ~One() { --all_.under_way_; }

   private:
    FileSends& all_;
  };

  bool are_few() const noexcept { return under_way_.load(std::memory_order_relaxed) <= kFew; }

 private:
  std::atomic<int> under_way_ = 0;
};

// Of one connection; belongs to its io thread.
class OnTheWay {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  // Bytes, as socket(7) counts them. With less than four of loopback's segments (64 KiB) one connection
  // would wait for late ACKs.
  static constexpr int kLittle = 256 * 1024;

  // Little from now on, where both ends are on this machine. A socket that has gone is no fault.
  explicit OnTheWay(Socket& socket) noexcept;

  // A system call where it was otherwise before, and both ends are on this machine; otherwise nothing.
  void keep_little(Socket& socket, bool little) noexcept;

 private:
  bool near_ = false, little_ = false;
};

// Of both ends of a TCP connection.
bool on_one_machine(const IpAddress& own, const IpAddress& other) noexcept;

}  // namespace ncps::http
