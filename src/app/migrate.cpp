#include "app/migrate.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "app/owner.h"
#include "config/version.h"
#include "db/dbmate.h"
#include "db/soci/create_database.h"
#include "db/soci/migrate.h"
#include "rt/deadline.h"

namespace ncps::app {
namespace {

constexpr int kFailed = 1, kBadOptions = 2;

int say(const Error& error, int status = kFailed) {
  std::fprintf(stderr, "ncps: %s\n", error.what().c_str());
  return status;
}

int up(const db::DatabaseUrl& url) {
  if (auto owned = check_owner(url); !owned) return say(owned.error());
  auto applied = db::migrate(url);
  if (!applied) return say(applied.error());
  for (const auto& name : *applied) std::printf("applied %s\n", name.c_str());
  if (applied->empty()) std::puts("the schema is up to date");
  return 0;
}

// As dbmate prints it.
int status(const db::DatabaseUrl& url, const db::DbmateCall& call) {
  auto states = db::migration_states(url);
  if (!states) return say(states.error());
  auto applied = std::ranges::count_if(*states, &db::MigrationState::applied);
  auto pending = static_cast<long>(states->size()) - applied;
  if (!call.quiet) {
    for (const auto& state : *states)
      std::printf("[%c] %s\n", state.applied ? 'X' : ' ', state.name.c_str());
    std::printf("\nApplied: %ld\nPending: %ld\n", static_cast<long>(applied), pending);
  }
  return call.exit_code && pending > 0 ? kFailed : 0;
}

// Until it answers, which may be with what we do not know.
int wait_for(const db::DatabaseUrl& url, std::chrono::seconds patience) {
  auto last = Deadline::after(patience);
  while (true) {
    auto states = db::migration_states(url);
    if (states || states.error().kind() != ErrorKind::unavailable) return 0;
    if (last.passed()) return say(states.error());
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

}  // namespace

int migrate(Migrate what, const config::Loaded& loaded) {
  bool named = loaded.values.contains("--cache-database-url");
  bool wrong = false;
  for (const auto& mistake : loaded.mistakes) {
    // With the database named, nothing else that may be wrong is of interest.
    // Otherwise a key that nobody knows may be the one that was to name it.
    bool ours = mistake.contains("--cache-database-url") ||
                mistake.starts_with("the configuration file:") ||
                (!named &&
                 (mistake.contains("--cache-storage-") || mistake.contains(": there is no key ")));
    if (ours) std::fprintf(stderr, "ncps: %s\n", mistake.c_str());
    wrong = wrong || ours;
  }
  if (wrong && !named) std::fputs("ncps: or name the database: --cache-database-url\n", stderr);
  if (wrong) return kBadOptions;
  const auto& url = loaded.options.database;
  return what == Migrate::up ? up(url) : status(url, {});
}

int dbmate(const std::vector<std::string>& arguments) {
  using Command = db::DbmateCall::Command;
  auto environment = [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  auto call = db::parse_dbmate(arguments, environment);
  if (!call) return say(call.error(), kBadOptions);
  if (call->command == Command::help) return std::fputs(db::dbmate_help().c_str(), stdout) < 0;
  if (call->command == Command::version)
    return std::printf("dbmate of ncps %s\n", std::string(config::kVersion).c_str()) < 0;

  auto url = db::parse_database_url(call->url);
  if (!url) return say(Error(url.error()).while_doing("--url"), kBadOptions);
  if (call->has_folder)
    std::fputs("ncps: the migrations are in this program: --migrations-dir is not read\n", stderr);
  if (call->wait || call->command == Command::wait)
    if (int late = wait_for(*url, call->patience); late != 0) return late;
  bool creates = call->command == Command::up || call->command == Command::create;
  if (creates) {
    if (auto owned = check_owner(*url); !owned) return say(owned.error());
    if (auto made = db::create_database(*url); !made) return say(made.error());
  }
  if (call->command == Command::status) return status(*url, *call);
  return call->command == Command::up || call->command == Command::migrate ? up(*url) : 0;
}

}  // namespace ncps::app
