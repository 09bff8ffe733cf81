// ServedHistory: what was served in the last minute, hour and day, from a few pictures of ever growing
// totals. Pure; time is an argument. Not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <deque>

#include "server/served_probe.h"

namespace ncps::server {

class ServedHistory {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Totals = ServedProbe::Totals;

  // How far back, and to about what; REQUIRES for the numbers to be right: add() at least that often.
  struct Window {
    std::string_view name;
    std::chrono::seconds length, step;
  };
  static constexpr std::array<Window, 3> kWindows{
      {{"last_minute", std::chrono::seconds(60), std::chrono::seconds(10)},
       {"last_hour", std::chrono::seconds(3'600), std::chrono::seconds(60)},
       {"last_day", std::chrono::seconds(86'400), std::chrono::seconds(1'200)}}};

  void add(Time now, const Totals& totals);

  // Of the window of that index: what came on top up to `now`, when it was `totals`. What is older than
  // this process is not known.
  Totals within(std::size_t window, Time now, const Totals& totals) const;

 private:
  struct Picture {
    Time when;
    Totals totals;
  };
  std::array<std::deque<Picture>, kWindows.size()>
      pictures_;  // the oldest first; bounded by the steps
};

}  // namespace ncps::server
