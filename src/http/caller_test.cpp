#include "http/caller.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>

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

TEST(Caller, IsOnThisMachineIfBothEndsAre) {
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

TEST(Caller, OnThisMachineHasLittleOnTheWay) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    Pair pair(address);
    ASSERT_NE(send_buffer_of(pair.server), kOnTheWay);
    bound_what_is_on_the_way(pair.server);
    EXPECT_EQ(send_buffer_of(pair.server), kOnTheWay) << address;
  }
}

TEST(Caller, OfAnotherKindKeepsWhatTheKernelGives) {
  asio::io_context io;
  asio::local::stream_protocol::socket one(io), two(io);
  asio::local::connect_pair(one, two);
  Socket socket(std::move(one));
  auto before = send_buffer_of(socket);
  ASSERT_NE(before, kOnTheWay);
  bound_what_is_on_the_way(socket);
  EXPECT_EQ(send_buffer_of(socket), before);
}

TEST(Caller, WhoHasGoneIsNoFault) {
  asio::io_context io;
  Socket closed(io);
  bound_what_is_on_the_way(closed);
  EXPECT_FALSE(closed.is_open());
}

}  // namespace
}  // namespace ncps::http
