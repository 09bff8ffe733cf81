// Runtime: the threads that run coroutines, one io_context each.
//
// A coroutine stays for life on the thread it was spawned on. Whatever blocks goes to a Pool
// (rt/offload.h). Destroying the Runtime stops and joins its threads; every Pool that posts here
// must have been joined before.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace ncps {

class Runtime {
 public:
  // Starts `threads` (at least 1) threads.
  explicit Runtime(std::size_t threads);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  std::size_t size() const noexcept { return loops_.size(); }
  boost::asio::io_context& loop(std::size_t index) noexcept;

  // The loops in turn: for work that belongs to no session. Thread-safe.
  boost::asio::any_io_executor next_executor() noexcept;

  // Ends all loops and joins their threads; nothing that waits there resumes. Idempotent.
  void stop();

 private:
  struct Loop;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::size_t turn_ = 0;  // atomic_ref
};

}  // namespace ncps
