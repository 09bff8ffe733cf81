#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "fetch/curl/testing/curl_fixture.h"
#include "fetch/curl/testing/raw_server.h"
#include "rt/task_group.h"

namespace ncps::fetch {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using testing::CurlTest;
using testing::RawConnection;
using testing::RawServer;

constexpr int kPerHost = 128;
constexpr std::string_view kHi = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

// Takes each request, counts it, and answers when it is opened.
struct Held {
  std::atomic<int> asked = 0, most = 0, now = 0;
  std::latch full{kPerHost};  // so many have come
  std::promise<void> door;
  std::shared_future<void> open = door.get_future().share();
  RawServer server{[this](RawConnection& connection) {
    while (!connection.read_head().empty()) {
      int here = ++now;
      for (int seen = most; here > seen && !most.compare_exchange_weak(seen, here);) {
      }
      if (++asked <= kPerHost) full.count_down();
      open.wait_for(60s);
      --now;
      connection.send(kHi);
    }
  }};
};

struct CurlLimits : CurlTest {
  struct Count {
    std::atomic<int> right = 0, unreachable = 0, nobody = 0, other = 0;
  };

  static HttpRequest patient(std::string url) {
    return {.url = std::move(url), .timeouts = {.connect = 1h, .head = 1h, .stall = 1h}};
  }

  asio::awaitable<void> one(HttpRequest request, Deadline deadline, Count& count) {
    auto answer = co_await client->fetch(std::move(request), deadline);
    if (!answer) {
      auto blame = answer.error().blame;
      ++(blame == Blame::unreachable ? count.unreachable
         : blame == Blame::nobody    ? count.nobody
                                     : count.other);
      co_return;
    }
    auto whole = co_await testing::read_whole(*answer->body);
    ++(whole->text == "hi" && !whole->error ? count.right : count.other);
  }
  void spawn(int n, const HttpRequest& request, Count& count,
             Deadline deadline = Deadline::after(100s)) {
    for (int i = 0; i < n; ++i)
      group.spawn(runtime.next_executor(), "fetch", one(request, deadline, count));
  }
  bool join() { return group.join_blocking(Deadline::after(100s)); }

  TaskGroup group;
};

TEST_F(CurlLimits, ABurstOpensNoMoreConnectionsThanAHostMayHave) {
  Held held;
  Count count;
  spawn(1000, patient(held.server.url()), count);
  held.full.wait();
  held.door.set_value();
  ASSERT_TRUE(join());
  EXPECT_EQ(count.right, 1000);
  EXPECT_LE(held.most, kPerHost);
  EXPECT_LE(held.server.connections(), static_cast<unsigned>(kPerHost));
  client.reset();
}

TEST_F(CurlLimits, WhoWaitsForABusyHostHoldsUpNoOther) {
  Held held;
  Count busy, other;
  spawn(kPerHost + 50, patient(held.server.url()), busy);
  held.full.wait();
  Held free;
  free.door.set_value();
  spawn(10, patient(free.server.url()), other);
  spawn(10, patient(local(start().port(), "/hello")), other);
  auto answer = fetch(patient(free.server.url()));
  EXPECT_TRUE(answer.has_value());
  answer = fail(ErrorKind::internal, "let it go");
  EXPECT_EQ(held.asked, kPerHost);
  held.door.set_value();
  ASSERT_TRUE(join());
  EXPECT_EQ(busy.right, kPerHost + 50);
  EXPECT_EQ(other.right, 10);
  EXPECT_EQ(other.other, 10) << "they got hello";
  client.reset();
}

TEST_F(CurlLimits, TheTimeInTheLineIsNotTheServers) {
  Held held;
  Count busy, hurried;
  spawn(kPerHost, patient(held.server.url()), busy);
  held.full.wait();
  HttpRequest request{.url = held.server.url(), .timeouts = {.connect = 2s, .head = 3s}};
  spawn(1, request, hurried);
  // Somebody else's time passes, a longer one.
  RawServer silent([](RawConnection& connection) { connection.wait_for_end(); });
  request = {.url = silent.url(), .timeouts = {.connect = 2s, .head = 4s}};
  EXPECT_FALSE(fetch(request).has_value());
  EXPECT_EQ(blame, Blame::unreachable);
  EXPECT_EQ(hurried.unreachable + hurried.right, 0) << "it still waits";
  held.door.set_value();
  ASSERT_TRUE(join());
  EXPECT_EQ(hurried.right, 1);
  EXPECT_EQ(busy.right, kPerHost);
  client.reset();
}

TEST_F(CurlLimits, ADeadlineEndsTheWaitingAndTheOthersGoOn) {
  Held held;
  Count busy, next;
  spawn(kPerHost, patient(held.server.url()), busy);
  held.full.wait();
  auto answer = fetch(patient(held.server.url()), Deadline::after(50ms));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind(), ErrorKind::timeout);
  EXPECT_EQ(blame, Blame::nobody);
  spawn(5, patient(held.server.url()), next);
  held.door.set_value();
  ASSERT_TRUE(join());
  EXPECT_EQ(busy.right, kPerHost);
  EXPECT_EQ(next.right, 5);
  EXPECT_EQ(held.asked, kPerHost + 5) << "who had left was not asked for";
  client.reset();
}

TEST_F(CurlLimits, WhoWaitsForAServerThatCannotBeReachedFailsWithTheFirst) {
  Held held;
  Count hurried, waiting;
  // Enough for all of them to get there: who gives up before that does not ask.
  HttpRequest request{.url = held.server.url(), .timeouts = {.connect = 4s, .head = 4s}};
  spawn(kPerHost, request, hurried);
  held.full.wait();
  spawn(300, patient(held.server.url()), waiting);
  // Those that wait have an hour each: that they end shows that they were sent away. Those that ran
  // beside the first may have become 128 patient ones before; they are answered.
  while (waiting.unreachable == 0 && hurried.unreachable < kPerHost) std::this_thread::yield();
  held.door.set_value();
  ASSERT_TRUE(join());
  EXPECT_EQ(waiting.unreachable + waiting.right, 300);
  EXPECT_GE(waiting.unreachable, 300 - kPerHost);
  client.reset();
}

TEST_F(CurlLimits, AStopEndsThoseThatWaitToo) {
  Held held;
  Count count;
  spawn(kPerHost + 100, patient(held.server.url()), count);
  held.full.wait();
  client->stop();
  ASSERT_TRUE(join());
  EXPECT_EQ(count.nobody, kPerHost + 100);
  held.door.set_value();
  client.reset();
}

TEST_F(CurlLimits, ConnectionsAreKeptAliveAfterAMinute) {
  Held held;
  Count count;
  spawn(1, patient(held.server.url()), count);
  while (held.asked == 0) std::this_thread::yield();
  int found = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    if (peer.sin_family != AF_INET || ntohs(peer.sin_port) != held.server.port()) continue;
    auto option = [&](int level, int name) {
      int value = 0;
      socklen_t bytes = sizeof value;
      ::getsockopt(fd, level, name, &value, &bytes);
      return value;
    };
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 15);
    ++found;
  }
  EXPECT_EQ(found, 1);
  held.door.set_value();
  ASSERT_TRUE(join());
  client.reset();
}

TEST_F(CurlLimits, AnIpv6AddressIsAHost) {
  RawServer server(
      [](RawConnection& connection) {
        auto head = connection.read_head();
        if (head.find("\r\nHost: [::1]:") != head.npos) connection.send(kHi);
      },
      AF_INET6);
  auto answer = fetch({.url = "http://[::1]:" + std::to_string(server.port()) + "/x"});
  ASSERT_TRUE(answer.has_value()) << answer.error().what();
  EXPECT_EQ(read(*answer->body).text, "hi");
  answer = fail(ErrorKind::internal, "let it go");
  client.reset();
}

}  // namespace
}  // namespace ncps::fetch
