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

}  // namespace
}  // namespace ncps::http
