// A client for load_bench: one connection, one request after the other, bodies counted and thrown away.
//
// HTTP/1.1 with Content-Length only, over IPv4. For one thread. Whatever goes wrong ends the program: a number
// that was measured over errors is none.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace ncps::bench {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

inline double microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

[[noreturn]] inline void give_up(std::string_view why) {
  fmt::print(stderr, "load_bench: {}\n", why);
  std::_Exit(1);
}

struct Seen {
  unsigned status = 0;
  std::uint64_t bytes = 0;   // of the body
  double first_byte_us = 0;  // from sending the request to the end of the head
  double whole_us = 0;
};

class Client {
 public:
  Client(asio::io_context& io, tcp::endpoint server) : socket_(io), server_(server) {}

  // `receive_buffer`: SO_RCVBUF, if not 0.
  asio::awaitable<void> connect(int receive_buffer = 0) {
    socket_.open(server_.protocol());
    if (receive_buffer > 0) socket_.set_option(tcp::socket::receive_buffer_size(receive_buffer));
    co_await socket_.async_connect(server_, asio::use_awaitable);
    socket_.set_option(tcp::no_delay(true));
  }

  asio::awaitable<Seen> get(std::string target) {
    auto begin = Clock::now();
    auto seen = co_await begin_get(std::move(target));
    seen.first_byte_us = microseconds(Clock::now() - begin);
    auto left = seen.bytes - std::min<std::uint64_t>(seen.bytes, head_.size());
    head_.clear();
    thread_local std::array<char, 256 * 1024> bin;
    while (left > 0) {
      auto most = std::min<std::uint64_t>(left, bin.size());
      left -= co_await socket_.async_read_some(asio::buffer(bin.data(), most), asio::use_awaitable);
    }
    seen.whole_us = microseconds(Clock::now() - begin);
    co_return seen;
  }

  // The head alone is read; what comes behind it stays where it is, for a reader that is slow.
  asio::awaitable<Seen> begin_get(std::string target) {
    auto request = fmt::format("GET {} HTTP/1.1\r\nHost: {}:{}\r\n\r\n", target,
                               server_.address().to_string(), server_.port());
    co_await asio::async_write(socket_, asio::buffer(request), asio::use_awaitable);
    auto size = co_await asio::async_read_until(socket_, asio::dynamic_buffer(head_), "\r\n\r\n",
                                                asio::use_awaitable);
    Seen seen;
    read(std::string_view(head_).substr(0, size), seen);
    if (seen.status >= 500) give_up(fmt::format("{}: answered {}", target, seen.status));
    head_.erase(0, size);
    co_return seen;
  }

 private:
  static void read(std::string_view head, Seen& seen) {
    std::string lower(head);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    auto number = [&](std::size_t at, auto& to) {
      return std::from_chars(lower.data() + at, lower.data() + lower.size(), to).ec == std::errc();
    };
    constexpr std::string_view kLength = "\r\ncontent-length: ";
    auto at = lower.find(kLength);
    if (!number(9, seen.status) || at == lower.npos || !number(at + kLength.size(), seen.bytes))
      give_up("an answer without a length: " + lower.substr(0, 200));
  }

  tcp::socket socket_;
  const tcp::endpoint server_;
  std::string head_;  // and what came with it
};

// Of many measurements, in the unit that they have.
struct Spread {
  std::vector<double> values;

  std::string json() {
    if (values.empty()) return "null";
    std::ranges::sort(values);
    auto at = [&](double share) {
      return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
    };
    return fmt::format(R"({{"p50": {:.1f}, "p99": {:.1f}, "p99.9": {:.1f}, "max": {:.1f}}})",
                       at(0.5), at(0.99), at(0.999), values.back());
  }
};

}  // namespace ncps::bench
