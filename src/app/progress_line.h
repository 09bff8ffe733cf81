// ProgressLine: how far a run of the command line has come, on stderr.
//
// On a terminal one line that is written over and over; elsewhere a line now and then. Not thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace ncps::app {

class ProgressLine {
 public:
  ProgressLine();

  // `part_done`: 0 to 1, drawn as a bar on a terminal; absent: nobody knows.
  void show(std::string_view line, std::optional<double> part_done = std::nullopt);

  // Takes it off the terminal.
  void end() const;

 private:
  const bool terminal_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace ncps::app
