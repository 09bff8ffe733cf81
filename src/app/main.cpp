#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "app/fsck.h"
#include "app/import.h"
#include "app/key.h"
#include "app/migrate.h"
#include "app/output.h"
#include "app/pin.h"
#include "app/pools.h"
#include "app/serve.h"
#include "app/signals.h"
#include "app/stats.h"
#include "config/command_line.h"
#include "config/documents.h"
#include "config/load.h"
#include "rt/heap.h"

namespace {

using namespace ncps;

constexpr int kFailed = 1;
constexpr int kBadOptions = 2;  // exit status: nothing was started or touched

std::optional<std::string> variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

int print(const std::string& text) {
  auto written = app::write_out(text);
  if (!written) std::fprintf(stderr, "ncps: %s\n", written.error().what().c_str());
  return written ? 0 : kFailed;
}

// Says all that is wrong; 0 if nothing is.
int say_mistakes(const config::Loaded& loaded) {
  for (const auto& mistake : loaded.mistakes) std::fprintf(stderr, "ncps: %s\n", mistake.c_str());
  if (loaded.mistakes.empty()) return 0;
  std::fputs("`ncps serve --help` lists every option\n", stderr);
  return kBadOptions;
}

void say_warnings(const config::Loaded& loaded) {
  for (const auto& line : loaded.warnings)
    std::fprintf(stderr, "ncps: warning: %s\n", line.c_str());
}

int serve(const config::CommandLine& line, const config::Loaded& loaded) {
  if (int status = say_mistakes(loaded); status != 0) return status;
  app::block_signals();
  heap::keep_little(std::max<std::size_t>(2, app::cores()));
  bool console = loaded.options.log_console.value_or(::isatty(STDOUT_FILENO) != 0);
  log::start(loaded.options.log_level, console ? log::Format::console : log::Format::json);
  auto reload = [&line] { return config::load(line.given, variable); };
  int status = app::serve(loaded, reload);
  log::stop();
  return status;
}

int check(const config::Loaded& loaded) {
  say_warnings(loaded);
  int status = say_mistakes(loaded);
  return status != 0 ? status : print("the options are right\n");
}

int show(const config::Loaded& loaded) {
  int printed = print(config::show(loaded.values));
  say_warnings(loaded);
  int status = say_mistakes(loaded);
  return status != 0 ? status : printed;
}

}  // namespace

int main(int argc, char** argv) {
  // Before all else, because its flags are not ours. Also under its own name, as a link to this
  // program.
  std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (argc > 0 && std::string_view(argv[0]).ends_with("dbmate")) return app::dbmate(arguments);
  if (!arguments.empty() && arguments[0] == "dbmate")
    return app::dbmate({arguments.begin() + 1, arguments.end()});
  auto line = config::parse_command_line(arguments);
  if (!line) {
    std::fprintf(stderr, "ncps: %s\n", line.error().what().c_str());
    return kBadOptions;
  }
  auto loaded = [&] { return config::load(line->given, variable); };
  // Empty: not given.
  auto argument = [&](std::size_t which) {
    return which < line->arguments.size() ? line->arguments[which] : std::string();
  };
  switch (line->command) {
    case config::Command::serve: return serve(*line, loaded());
    case config::Command::config_check: return check(loaded());
    case config::Command::config_show: return show(loaded());
    case config::Command::config_example: return print(config::example_yaml());
    case config::Command::config_reference: return print(config::reference_markdown());
    case config::Command::import:
      return app::import(
          {.dry_run = line->has("--dry-run"), .from = line->value("--from-database-url")},
          loaded());
    case config::Command::fsck:
      return app::fsck({.repair = line->has("--repair"),
                        .dry_run = line->has("--dry-run"),
                        .verify_content = line->has("--verify-content"),
                        .json = line->has("--json"),
                        .verified_since = line->value("--verified-since"),
                        .settling = line->value("--settling")},
                       loaded());
    case config::Command::stats: return app::stats(line->has("--json"), loaded());
    case config::Command::migrate_up:
      return app::migrate(line->has("--dry-run") ? app::Migrate::status : app::Migrate::up,
                          loaded());
    case config::Command::migrate_status: return app::migrate(app::Migrate::status, loaded());
    case config::Command::pin_add: return app::pin(app::PinCommand::add, argument(0), loaded());
    case config::Command::pin_remove:
      return app::pin(app::PinCommand::remove, argument(0), loaded());
    case config::Command::pin_list: return app::pin(app::PinCommand::list, "", loaded());
    case config::Command::key_generate: return app::generate_key(argument(0), argument(1));
    case config::Command::key_public: return app::show_public_keys(argument(0), loaded());
    case config::Command::key_rotate: return app::rotate_key(loaded());
    case config::Command::key_retire: return app::retire_key(loaded());
    case config::Command::token_generate: return app::generate_token(argument(0), argument(1));
    case config::Command::client_config: return app::show_client_config(argument(0), loaded());
    case config::Command::completion: return print(config::completions(argument(0)));
    case config::Command::group:  // never alone
    case config::Command::print_and_exit: return print(line->text);
  }
  return kBadOptions;
}
