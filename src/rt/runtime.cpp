#include "rt/runtime.h"

#include <pthread.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <string>
#include <thread>

namespace ncps {

namespace asio = boost::asio;

struct Runtime::Loop {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread;
};

Runtime::Runtime(std::size_t threads) {
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
    auto& loop = *loops_.emplace_back(std::make_unique<Loop>());
    loop.thread = std::thread([&loop, i] {
      pthread_setname_np(pthread_self(), ("io-" + std::to_string(i)).c_str());
      loop.io.run();
    });
  }
}

Runtime::~Runtime() {
  stop();
}

asio::io_context& Runtime::loop(std::size_t index) noexcept {
  return loops_[index]->io;
}

asio::any_io_executor Runtime::next_executor() noexcept {
  auto turn = std::atomic_ref(turn_).fetch_add(1, std::memory_order_relaxed);
  return loops_[turn % loops_.size()]->io.get_executor();
}

void Runtime::stop() {
  for (auto& loop : loops_) loop->io.stop();
  for (auto& loop : loops_)
    if (loop->thread.joinable()) loop->thread.join();
}

}  // namespace ncps
