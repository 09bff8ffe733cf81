#include "app/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace ncps::app {
namespace {

constexpr auto kEvery = std::chrono::seconds(5);  // a line, where there is no terminal
constexpr std::size_t kWidth = 30;                // characters of the bar

std::string bar(double part_done) {
  auto full = std::min(kWidth, static_cast<std::size_t>(kWidth * part_done));
  return "[" + std::string(full, '#') + std::string(kWidth - full, '-') + "] ";
}

}  // namespace

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) != 0) {}

void ProgressLine::show(std::string_view line, std::optional<double> part_done) {
  auto now = std::chrono::steady_clock::now();
  if (terminal_) {
    std::fputs(fmt::format("\r\x1b[K{}{}", part_done ? bar(*part_done) : "", line).c_str(), stderr);
  } else if (now - last_ >= kEvery) {
    std::fputs(fmt::format("{}\n", line).c_str(), stderr);
    last_ = now;
  }
}

void ProgressLine::end() const {
  if (terminal_) std::fputs("\r\x1b[K", stderr);
}

}  // namespace ncps::app
