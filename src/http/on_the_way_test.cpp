#include "http/on_the_way.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <optional>
#include <vector>

namespace ncps::http {
namespace {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;

// As the kernel counts; asio's own option halves it.
int send_buffer_of(Socket& socket) {
  int size = 0;
  socklen_t length = sizeof size;
  EXPECT_EQ(::getsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDBUF, &size, &length), 0);
  return size;
}

IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}

// Two ends of a connection over this address.
struct Pair {
  explicit Pair(const std::string& address) : client(io), server(io) {
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address(address), 0});
    asio::ip::tcp::socket made(io);
    made.connect(acceptor.local_endpoint());
    client = std::move(made);
    server = acceptor.accept(io);
  }
  asio::io_context io;
  Socket client, server;
};

// What the kernel grants beyond what was asked shows only as bytes go through.
bool takes_more_than_little(Pair& pair) {
  std::vector<char> some(1 << 20);
  pair.client.non_blocking(true);
  pair.server.non_blocking(true);
  for (int i = 0; i < 100; ++i) {
    boost::system::error_code full;
    while (!full) pair.server.send(asio::buffer(some), 0, full);
    boost::system::error_code empty;
    while (!empty) pair.client.receive(asio::buffer(some), 0, empty);
    if (send_buffer_of(pair.server) > OnTheWay::kLittle) return true;
  }
  return false;
}

TEST(OnTheWay, IsOnThisMachineIfBothEndsAre) {
  struct Row {
    std::string_view own, other;
    bool one;
  };
  const Row rows[] = {
      {"127.0.0.1", "127.0.0.1", true},
      {"127.0.0.1", "127.0.0.9", true},
      {"::1", "::1", true},
      {"192.0.2.7", "192.0.2.7", true},
      {"2001:db8::7", "2001:db8::7", true},
      {"192.0.2.7", "192.0.2.8", false},
      {"127.0.0.1", "192.0.2.7", false},
      {"192.0.2.7", "127.0.0.1", false},
      {"2001:db8::7", "::1", false},
  };
  for (const auto& [own, other, one] : rows)
    EXPECT_EQ(on_one_machine(ip(own), ip(other)), one) << own << " " << other;
}

TEST(OnTheWay, OnThisMachineItIsLittleUntilItMayBeMore) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    Pair pair(address);
    ASSERT_GT(send_buffer_of(pair.server), OnTheWay::kLittle);
    OnTheWay of(pair.server);
    EXPECT_EQ(send_buffer_of(pair.server), OnTheWay::kLittle) << address;
    for (int round = 0; round < 2; ++round) {
      of.keep_little(pair.server, false);
      EXPECT_TRUE(takes_more_than_little(pair)) << address;
      of.keep_little(pair.server, true);
      EXPECT_EQ(send_buffer_of(pair.server), OnTheWay::kLittle) << address;
    }
  }
}

TEST(OnTheWay, OfAnotherKindKeepsWhatTheKernelGives) {
  asio::io_context io;
  asio::local::stream_protocol::socket one(io), two(io);
  asio::local::connect_pair(one, two);
  Socket socket(std::move(one));
  auto before = send_buffer_of(socket);
  ASSERT_NE(before, OnTheWay::kLittle);
  OnTheWay of(socket);
  EXPECT_EQ(send_buffer_of(socket), before);
  of.keep_little(socket, true);
  EXPECT_EQ(send_buffer_of(socket), before);
}

TEST(OnTheWay, WhoHasGoneIsNoFault) {
  asio::io_context io;
  Socket closed(io);
  OnTheWay of(closed);
  of.keep_little(closed, false);
  EXPECT_FALSE(closed.is_open());
}

TEST(FileSends, TwoAreFew) {
  FileSends sends;
  EXPECT_TRUE(sends.are_few());
  std::optional<FileSends::One> one(sends), two(sends), three;
  EXPECT_TRUE(sends.are_few());
  three.emplace(sends);
  EXPECT_FALSE(sends.are_few());
  one.reset();
  EXPECT_TRUE(sends.are_few());
}

}  // namespace
}  // namespace ncps::http
