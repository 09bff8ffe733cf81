// A real server on a free port for tests, with handlers by path, and bodies that fail on request.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/server.h"
#include "http/testing/raw_client.h"
#include "rt/signal.h"
#include "telemetry/registry.h"

namespace ncps::http::testing {

// A door that coroutines wait at until the test opens it.
class Gate {
 public:
  void open() { signal_.notify(); }
  boost::asio::awaitable<void> pass() { co_await signal_.wait_past(closed_, Deadline::never()); }

 private:
  Signal signal_;
  std::uint64_t closed_ = signal_.version();
};

// Gives its pieces, then the end or an Error. With a gate: waits there before piece `gated`.
class PieceSource final : public ByteSource {
 public:
  std::deque<std::string> pieces;
  std::optional<Error> error;
  Gate* gate = nullptr;
  std::size_t gated = 0;

  Task<Piece> next() override {
    if (gate != nullptr && given_ == gated) co_await gate->pass();
    if (given_ == pieces.size()) {
      if (error) co_return std::unexpected(*error);
      co_return Piece(std::string_view());
    }
    co_return Piece(std::string_view(pieces[given_++]));
  }

 private:
  std::size_t given_ = 0;
};

// Gives stretches of a file.
class SpanSource final : public ByteSource {
 public:
  explicit SpanSource(std::deque<FileSpan> spans) : spans_(std::move(spans)) {}

  Task<Piece> next() override {
    if (spans_.empty()) co_return Piece(std::string_view());
    auto span = spans_.front();
    spans_.pop_front();
    co_return Piece(span);
  }

 private:
  std::deque<FileSpan> spans_;
};

inline Response response_of(std::unique_ptr<ByteSource> source,
                            std::optional<std::uint64_t> length) {
  Response response;
  response.body = std::move(source);
  response.length = length;
  return response;
}

// Bytes that differ everywhere, so that a shifted or repeated stretch is noticed.
inline std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (auto& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

class ServerTest : public ::testing::Test {
 public:
  using Route = std::function<boost::asio::awaitable<Response>(const Request&)>;

  ServerTest() {
    options.address = {.host = "127.0.0.1", .port = 0};
    if (everything_over_tls()) options.tls = TlsContext::make(Authority().options()).value();
    routes["/hello"] = [](const Request&) -> boost::asio::awaitable<Response> {
      co_return text_response(200, "hello");
    };
  }

  ~ServerTest() override {
    for (auto& server : servers_) server->drain(Deadline::after(std::chrono::seconds(20)));
    disk.join();
  }

  // Starts a server with `options` and `routes`, which must not change any more.
  Server& start() {
    auto handler = [this](const Request& request) -> boost::asio::awaitable<Response> {
      auto route = routes.find(std::string(request.path));
      if (route == routes.end()) co_return text_response(404, "not found");
      co_return co_await route->second(request);
    };
    auto server = Server::start(runtime, disk, options, handler);
    if (!server) throw std::runtime_error(server.error().what());
    return *servers_.emplace_back(std::move(*server));
  }

  // A route whose body is made anew for each request.
  template <class Make>
  void serve(std::string path, Make make) {
    routes[std::move(path)] = [make](const Request&) -> boost::asio::awaitable<Response> {
      co_return make();
    };
  }

  Runtime runtime{2};
  Pool disk{2};
  metrics::Registry registry;  // for who wants to count
  ServerOptions options;
  std::map<std::string, Route> routes;
  std::vector<UniqueFd> files;  // what routes send from: closed when no connection is left

 private:
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace ncps::http::testing
