#include "http/listener.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include "base/testing/temp_dir.h"
#include "http/testing/raw_client.h"

namespace ncps::http {
namespace {

TEST(Listener, ItsTcpConnectionsDoNotWaitToFillPackets) {
  boost::asio::io_context io;
  auto listener = open_listener(io, {.host = "127.0.0.1"});
  ASSERT_TRUE(listener) << listener.error().what();
  testing::RawClient client(listener->address.port);
  ASSERT_TRUE(client.connected());
  auto socket = listener->acceptor.accept();
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  ASSERT_EQ(::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
  EXPECT_NE(no_delay, 0);
}

TEST(Listener, EverybodyMayConnectToItsUnixSocketWhateverTheUmask) {
  ncps::testing::TempDir dir;
  auto path = (dir.path() / "s").native();
  boost::asio::io_context io;
  auto umask_before = ::umask(0077);
  auto listener = open_listener(io, {.socket_path = path});
  ::umask(umask_before);
  ASSERT_TRUE(listener) << listener.error().what();
  struct stat info{};
  ASSERT_EQ(::lstat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0666u);
}

TEST(Listener, AUnixSocketThatCannotBeMadeIsAnErrorThatNamesIt) {
  ncps::testing::TempDir dir;
  boost::asio::io_context io;
  for (const auto& path :
       {(dir.path() / "no such folder/s").native(), '/' + std::string(kMaxSocketPath, 'x')}) {
    auto listener = open_listener(io, {.socket_path = path});
    ASSERT_FALSE(listener);
    EXPECT_EQ(listener.error().kind(), ErrorKind::unavailable);
    EXPECT_NE(listener.error().what().find("unix:" + path + ": "), std::string::npos)
        << listener.error().what();
  }
}

// What a supervisor has bound and listens on.
int bound(int family, int type, const sockaddr* name, socklen_t size) {
  int fd = ::socket(family, type | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::bind(fd, name, size), 0);
  return fd;
}

int bound_to_loopback(int type) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return bound(AF_INET, type, reinterpret_cast<sockaddr*>(&name), sizeof name);
}

TEST(Listener, TakesOverASocketThatListensAlready) {
  boost::asio::io_context io;
  int fd = bound_to_loopback(SOCK_STREAM);
  ASSERT_EQ(::listen(fd, 8), 0);
  auto listener = adopt_listener(io, fd);
  ASSERT_TRUE(listener) << listener.error().what();
  EXPECT_EQ(listener->address.host, "127.0.0.1");
  testing::RawClient client(listener->address.port);
  ASSERT_TRUE(client.connected());
  auto socket = listener->acceptor.accept();
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  ASSERT_EQ(::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
  EXPECT_NE(no_delay, 0);
}

TEST(Listener, TakesOverAUnixSocketAndLeavesItsFile) {
  ncps::testing::TempDir dir;
  auto path = (dir.path() / "s").native();
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, path.size());
  int fd = bound(AF_UNIX, SOCK_STREAM, reinterpret_cast<sockaddr*>(&name), sizeof name);
  ASSERT_EQ(::listen(fd, 8), 0);
  {
    boost::asio::io_context io;
    auto listener = adopt_listener(io, fd);
    ASSERT_TRUE(listener) << listener.error().what();
    EXPECT_EQ(listener->address.str(), "unix:" + path);
    testing::RawClient client(path);
    ASSERT_TRUE(client.connected());
    listener->acceptor.accept();
  }
  struct stat info{};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0);
}

TEST(Listener, TakesOverNothingThatDoesNotListen) {
  boost::asio::io_context io;
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  ::close(pipe[1]);
  constexpr int kNone = 1'000'000;  // beyond every limit
  for (int fd : {bound_to_loopback(SOCK_STREAM), bound_to_loopback(SOCK_DGRAM), pipe[0], kNone}) {
    auto listener = adopt_listener(io, fd);
    ASSERT_FALSE(listener);
    EXPECT_EQ(listener.error().kind(), ErrorKind::invalid);
    EXPECT_NE(listener.error().what().find("ListenStream="), std::string::npos);
  }
}

}  // namespace
}  // namespace ncps::http
