// load_bench: load for measurements that wrk cannot make. One thread; prints one line of JSON.
//
//   load_bench walk  HOST:PORT CONNECTIONS shared|each      the targets of stdin, one a line, each once: shared out among
//                                                           the connections, or each of them all
//   load_bench mixed HOST:PORT SECONDS CONNECTIONS TARGET   the targets of stdin again and again on one connection, while
//                                                           so many others read TARGET again and again
//   load_bench hold  HOST:PORT CONNECTIONS TARGET           each gets TARGET once and is kept: says "ready", then waits
//                                                           for the end of stdin
//   load_bench slow  HOST:PORT CONNECTIONS TARGET           the same, but takes the head and no more
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <iostream>
#include <memory>

#include "load_client.h"

namespace {

using namespace ncps::bench;

struct Load {
  asio::io_context io{1};
  tcp::endpoint server;
  std::vector<std::string> targets;
  std::size_t next = 0;  // of them, where they are shared out
  std::uint64_t requests = 0, bytes = 0, in_background = 0;
  Spread first, whole;

  void note(const Seen& seen) {
    ++requests;
    bytes += seen.bytes;
    first.values.push_back(seen.first_byte_us);
    whole.values.push_back(seen.whole_us);
  }

  template <class Coroutine>
  void spawn(Coroutine coroutine) {
    asio::co_spawn(io, std::move(coroutine), [](std::exception_ptr failure) {
      try {
        if (failure) std::rethrow_exception(failure);
      } catch (const std::exception& e) {
        give_up(e.what());
      }
    });
  }

  asio::awaitable<void> take_shared() {
    Client client(io, server);
    co_await client.connect();
    while (next < targets.size()) note(co_await client.get(targets[next++]));
  }
  asio::awaitable<void> take_all() {
    Client client(io, server);
    co_await client.connect();
    for (const auto& target : targets) note(co_await client.get(target));
  }
  asio::awaitable<void> again(Clock::time_point until) {
    Client client(io, server);
    co_await client.connect();
    for (std::size_t i = 0; Clock::now() < until; ++i)
      note(co_await client.get(targets[i % targets.size()]));
    io.stop();
  }
  asio::awaitable<void> in_the_background(std::string target) {
    Client client(io, server);
    co_await client.connect();
    for (;;) in_background += (co_await client.get(target)).bytes;
  }
  asio::awaitable<void> begin_one(Client& client, std::string target, bool slow) {
    co_await client.connect(slow ? 4096 : 0);
    if (slow) {
      co_await client.begin_get(std::move(target));
    } else {
      co_await client.get(std::move(target));
    }
  }

  void print(double seconds) {
    fmt::print(
        R"({{"seconds": {:.6f}, "requests": {}, "bytes": {}, "bytes_beside": {}, "first_byte_us": {}, "whole_us": {}}})"
        "\n",
        seconds, requests, bytes, in_background, first.json(), whole.json());
  }

  void run_and_print() {
    auto begin = Clock::now();
    io.run();
    print(microseconds(Clock::now() - begin) / 1e6);
  }
};

tcp::endpoint parse_server(const std::string& text) {
  auto colon = text.rfind(':');
  if (colon == text.npos) give_up("HOST:PORT, not " + text);
  return {asio::ip::make_address(text.substr(0, colon)),
          static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

void hold(Load& load, std::size_t connections, const std::string& target, bool slow) {
  std::vector<std::unique_ptr<Client>> clients;
  constexpr std::size_t kAtOnce = 100;  // fewer than any server's backlog
  while (clients.size() < connections) {
    for (std::size_t i = 0; i < kAtOnce && clients.size() < connections; ++i) {
      clients.push_back(std::make_unique<Client>(load.io, load.server));
      load.spawn(load.begin_one(*clients.back(), target, slow));
    }
    load.io.run();
    load.io.restart();
  }
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<std::string> given(argv + 1, argv + argc);
  if (given.size() < 4) give_up("see the head of bench/load.cpp");
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);

  Load load;
  load.server = parse_server(given[1]);
  const auto& what = given[0];
  auto number = [&](std::size_t i) { return std::stoul(given.at(i)); };
  if (what == "hold" || what == "slow") {
    hold(load, number(2), given.at(3), what == "slow");
    return 0;
  }
  for (std::string line; std::getline(std::cin, line);) load.targets.push_back(line);
  if (load.targets.empty()) give_up("no targets");
  if (what == "walk") {
    for (std::size_t i = 0; i < number(2); ++i)
      load.spawn(given.at(3) == "each" ? load.take_all() : load.take_shared());
  } else if (what == "mixed") {
    load.spawn(load.again(Clock::now() + std::chrono::seconds(number(2))));
    for (std::size_t i = 0; i < number(3); ++i) load.spawn(load.in_the_background(given.at(4)));
  } else {
    give_up("no such load: " + what);
  }
  load.run_and_print();
  return 0;
} catch (const std::exception& e) {
  give_up(e.what());
}
