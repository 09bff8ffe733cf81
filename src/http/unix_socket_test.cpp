// The server on a Unix socket: the same as on TCP, and the file by which it is found.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <thread>

#include "base/testing/temp_dir.h"
#include "http/testing/server_fixture.h"

namespace ncps::http {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::Gate;
using testing::pattern;
using testing::PieceSource;
using testing::RawClient;
using testing::response_of;
using testing::SpanSource;

struct HttpUnixSocket : testing::ServerTest {
  ncps::testing::TempDir dir;
  const std::string path = (dir.path() / "http.sock").native();
  Gate gate;
  std::promise<void> entered;

  HttpUnixSocket() {
    options.address = {.socket_path = path};
    routes["/client"] = [](const Request& request) -> asio::awaitable<Response> {
      co_return text_response(200, std::string(request.client));
    };
    routes["/gated"] = [this](const Request&) -> asio::awaitable<Response> {
      entered.set_value();
      co_await gate.pass();
      co_return text_response(200, "through the gate");
    };
  }

  void serve_broken(std::string route, std::optional<std::uint64_t> length) {
    serve(std::move(route), [=] {
      auto source = std::make_unique<PieceSource>();
      source->pieces = {"abc"};
      source->error = Error(ErrorKind::unavailable, "broken on purpose in a test");
      return response_of(std::move(source), length);
    });
  }

  // A file without a name, open for reading.
  int make_file(std::string_view content) {
    auto name = dir.path() / "body";
    std::ofstream(name, std::ios::binary) << content;
    auto& file = files.emplace_back(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    fs::remove(name);
    return file.get();
  }

  // A server with one answer, on the same path; drained by the caller.
  Result<std::unique_ptr<Server>> another(std::string answer) {
    return Server::start(runtime, disk, options,
                         [answer](const Request&) -> asio::awaitable<Response> {  // NOLINT
                           co_return text_response(200, answer);
                         });
  }

  void expect_refused(std::string_view why) {
    auto server = another("must not start");
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().kind(), ErrorKind::unavailable);
    EXPECT_NE(server.error().what().find("unix:" + path), std::string::npos)
        << server.error().what();
    EXPECT_NE(server.error().what().find(why), std::string::npos) << server.error().what();
  }

  std::string body_of(std::string_view target) {
    RawClient client(path);
    if (!client.get(target)) return "(nobody there)";
    return client.read().body;
  }
};

UniqueFd bind_to(const std::string& path, int type) {
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot bind the test's socket");
  return fd;
}

// What a process that was killed leaves: bound once, and nobody behind it.
void leave_stale_socket(const std::string& path) {
  auto dead = bind_to(path, SOCK_STREAM);
  ASSERT_EQ(::listen(dead.get(), 1), 0);
}

TEST_F(HttpUnixSocket, KeepsConnectionsAlive) {
  EXPECT_EQ(start().address().str(), "unix:" + path);
  RawClient client(path);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.get("/hello"));
    auto answer = client.read();
    ASSERT_EQ(answer.body, "hello\n");
    ASSERT_FALSE(answer.has("Connection:"));
  }
  ASSERT_TRUE(client.get("/client"));
  EXPECT_EQ(client.read().body, "unix\n");
}

TEST_F(HttpUnixSocket, EndsCleanlyWhenAskedToAndAfterARefusal) {
  start();
  RawClient polite(path), rude(path);
  ASSERT_TRUE(polite.get("/hello", "Connection: close\r\n"));
  EXPECT_EQ(polite.read().body, "hello\n");
  EXPECT_TRUE(polite.ends_cleanly());
  ASSERT_TRUE(rude.send("nonsense\r\n\r\nand more that nobody reads"));
  EXPECT_EQ(rude.read().status, 400u);
  EXPECT_TRUE(rude.ends_cleanly());
}

TEST_F(HttpUnixSocket, TurnsAwayWhomItCannotTake) {
  options.max_connections = 1;
  start();
  RawClient first(path), second(path);
  ASSERT_TRUE(first.get("/hello"));
  EXPECT_EQ(first.read().status, 200u);
  EXPECT_EQ(second.read().status, 503u);
}

TEST_F(HttpUnixSocket, SendsFilesAlsoToManySlowReaders) {
  auto content = pattern(5'000'000);
  auto file = make_file(content);
  auto size = content.size();
  serve("/file", [=] {
    return response_of(std::make_unique<SpanSource>(std::deque<FileSpan>{{file, 0, size}}), size);
  });
  serve("/chunked", [=] {
    std::deque<FileSpan> spans{{file, 0, 600'001}, {file, 600'001, size - 600'001}};
    return response_of(std::make_unique<SpanSource>(spans), std::nullopt);
  });
  start();
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 40; ++i) {
    auto& client = *slow.emplace_back(std::make_unique<RawClient>(path));
    ASSERT_TRUE(client.get(i % 2 == 0 ? "/file" : "/chunked"));
  }
  EXPECT_EQ(body_of("/hello"), "hello\n");
  for (auto& client : slow) {
    auto answer = client->read();
    ASSERT_TRUE(answer.complete);
    ASSERT_TRUE(answer.body == content);
  }
}

TEST_F(HttpUnixSocket, ABodyThatBreaksOffNeverLooksComplete) {
  serve_broken("/known", 6);
  serve_broken("/at-the-end", 3);  // a hash that does not fit, say
  serve_broken("/chunked", std::nullopt);
  start();
  for (auto route : {"/known", "/at-the-end", "/chunked"}) {
    RawClient client(path);
    ASSERT_TRUE(client.get(route));
    auto answer = client.read();
    EXPECT_EQ(answer.status, 200u);
    EXPECT_FALSE(answer.complete) << route << ": " << answer.body;
    EXPECT_FALSE(client.more()) << route;  // and the connection is over
  }
}

TEST_F(HttpUnixSocket, AClientThatGoesAwayInMidBodyHarmsNobody) {
  auto content = pattern(8'000'000);
  auto file = make_file(content);
  auto size = content.size();
  serve("/file", [=] {
    return response_of(std::make_unique<SpanSource>(std::deque<FileSpan>{{file, 0, size}}), size);
  });
  auto& server = start();
  for (int i = 0; i < 20; ++i) {
    RawClient client(path);
    ASSERT_TRUE(client.get("/file"));
    ASSERT_TRUE(client.more());
  }
  EXPECT_EQ(body_of("/hello"), "hello\n");
  server.drain(Deadline::after(20s));
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(HttpUnixSocket, DrainAnswersWhatIsInFlightAndRemovesTheFile) {
  auto& server = start();
  RawClient idle(path), busy(path);
  ASSERT_TRUE(busy.get("/gated"));
  entered.get_future().wait();
  auto drained = std::async(std::launch::async, [&] { server.drain(Deadline::never()); });
  EXPECT_TRUE(idle.ends_cleanly());
  gate.open();
  EXPECT_EQ(busy.read().body, "through the gate\n");
  EXPECT_TRUE(busy.ends_cleanly());
  drained.get();
  EXPECT_FALSE(fs::exists(fs::symlink_status(path)));
}

TEST_F(HttpUnixSocket, ASecondServerTakesOverWhileTheFirstDrains) {
  auto& first = start();
  RawClient busy(path);
  ASSERT_TRUE(busy.get("/gated"));
  entered.get_future().wait();
  auto drained = std::async(std::launch::async, [&] { first.drain(Deadline::never()); });
  // The drain cannot end before the gate opens, but it gives the path away at once.
  while (RawClient(path).connected()) std::this_thread::yield();
  auto second = another("second");
  ASSERT_TRUE(second) << second.error().what();
  EXPECT_EQ(body_of("/"), "second\n");
  gate.open();
  EXPECT_EQ(busy.read().body, "through the gate\n");
  EXPECT_TRUE(busy.ends_cleanly());
  drained.get();
  EXPECT_EQ(body_of("/"), "second\n");
  (*second)->drain(Deadline::after(20s));
}

TEST_F(HttpUnixSocket, DrainLeavesTheFileOfAnother) {
  auto& first = start();
  fs::remove(path);
  auto second = another("second");
  ASSERT_TRUE(second) << second.error().what();
  first.drain(Deadline::after(20s));
  EXPECT_EQ(body_of("/"), "second\n");
  (*second)->drain(Deadline::after(20s));
  EXPECT_FALSE(fs::exists(fs::symlink_status(path)));
}

TEST_F(HttpUnixSocket, ReplacesTheSocketOfADeadProcess) {
  leave_stale_socket(path);
  ASSERT_TRUE(fs::is_socket(path));
  EXPECT_FALSE(RawClient(path).connected());
  start();
  EXPECT_EQ(body_of("/hello"), "hello\n");
}

TEST_F(HttpUnixSocket, ALiveOneStays) {
  start();
  expect_refused("address in use");
  EXPECT_EQ(body_of("/hello"), "hello\n");
}

TEST_F(HttpUnixSocket, ALiveOneStaysAlsoWithAFullQueue) {
  auto busy = bind_to(path, SOCK_STREAM);
  ASSERT_EQ(::listen(busy.get(), 0), 0);
  RawClient waiting(path);  // the queue holds one more than its length
  ASSERT_TRUE(waiting.connected());
  expect_refused("address in use");
  EXPECT_TRUE(fs::is_socket(path));
}

TEST_F(HttpUnixSocket, WhatIsNoSocketStays) {
  std::ofstream(path) << "precious";
  expect_refused("no socket");
  std::ifstream in(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "precious");
  fs::remove(path);

  fs::create_directory(path);
  expect_refused("no socket");
  EXPECT_TRUE(fs::is_directory(path));
  fs::remove(path);

  auto elsewhere = (dir.path() / "elsewhere").native();
  leave_stale_socket(elsewhere);
  fs::create_symlink(elsewhere, path);  // not even through a link
  expect_refused("no socket");
  EXPECT_TRUE(fs::is_symlink(path));
  EXPECT_TRUE(fs::is_socket(elsewhere));
}

TEST_F(HttpUnixSocket, AnotherKindOfSocketStays) {
  auto datagrams = bind_to(path, SOCK_DGRAM);
  expect_refused("in use");
  EXPECT_TRUE(fs::is_socket(path));
}

}  // namespace
}  // namespace ncps::http
