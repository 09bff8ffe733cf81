#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "app/serve.h"
#include "app/signals.h"
#include "config/serve_options.h"

namespace {

constexpr int kBadOptions = 2;  // exit status: nothing was started or touched

std::optional<std::string> variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace ncps;
  auto line = config::parse_command_line({argv + 1, argv + argc});
  if (!line) {
    std::fprintf(stderr, "ncps: %s\n", line.error().what().c_str());
    return kBadOptions;
  }
  if (line->command == config::Command::print_and_exit) {
    std::fputs(line->text.c_str(), stdout);
    return 0;
  }
  auto values = config::with_environment_and_defaults(std::move(line->given), variable);
  auto read = config::read_serve_options(values);
  if (!read.mistakes.empty()) {
    for (const auto& mistake : read.mistakes) std::fprintf(stderr, "ncps: %s\n", mistake.c_str());
    std::fputs("`ncps serve --help` lists every option\n", stderr);
    return kBadOptions;
  }
  app::block_signals();
  log::start(read.options.log_level,
             ::isatty(STDOUT_FILENO) != 0 ? log::Format::console : log::Format::json);
  int status = app::serve(read.options);
  log::stop();
  return status;
}
