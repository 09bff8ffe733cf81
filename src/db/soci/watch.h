// Watch: cuts a session that is not done by its deadline, because neither libpq nor SOCI gives up
// by itself. Thread-safe; has a thread. Only for this folder.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "db/soci/session.h"
#include "rt/deadline.h"

namespace ncps::db {

class Watch {
 public:
  Watch();
  ~Watch();

  // While it lives, the session is watched.
  class Turn {
   public:
    Turn(Watch& watch, Session& session, Deadline deadline);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

   private:
    Watch& watch_;
    std::multimap<Deadline::Clock::time_point, Session*>::iterator place_;
  };

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Deadline::Clock::time_point, Session*> turns_;  // guarded by mutex_
  Deadline::Clock::time_point waking_;  // guarded by mutex_: when run() looks
  bool stopping_ = false;               // guarded by mutex_
  std::thread thread_;
};

}  // namespace ncps::db
