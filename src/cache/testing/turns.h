// Turns: how many pieces of work a pool of one thread is given, one after the other.
//
// Between every two of them the thread waits here until the next one is in line. (One that is about to be may be
// counted twice.)
#pragma once

#include <atomic>
#include <boost/asio/post.hpp>
#include <thread>

#include "rt/offload.h"

namespace ncps::cache {

class Turns {
 public:
  // REQUIRES: a pool of one thread, to which one coroutine at a time offloads.
  explicit Turns(Pool& pool) : pool_(pool) { next(); }
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;
  ~Turns() { stop(); }

  // What has been counted. Nothing may be offloaded any more.
  int stop() {
    over_ = true;
    pool_.join();
    return works_;
  }

 private:
  void next() {
    boost::asio::post(pool_, [this] { between(); });
  }
  void between() {
    while (pool_.waiting() == 0 && !over_) std::this_thread::yield();
    if (over_) return;
    ++works_;
    next();
  }

  Pool& pool_;
  std::atomic<bool> over_ = false;
  std::atomic<int> works_ = 0;
};

}  // namespace ncps::cache
