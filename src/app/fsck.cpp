#include "app/fsck.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/alone.h"
#include "app/keeping.h"
#include "app/open_store.h"
#include "app/owner.h"
#include "app/progress_line.h"
#include "base/byte_size.h"
#include "base/duration.h"
#include "cache/fsck.h"
#include "db/soci/open_catalog.h"
#include "db/soci/open_import.h"
#include "db/soci/open_inventory.h"
#include "rt/block_on.h"

namespace ncps::app {
namespace {

constexpr int kFound = 1, kCouldNot = 2;
constexpr std::size_t kDiskThreads = 8;
// A NAR without narinfo may be an upload that is not finished: its row is not made before that.
constexpr auto kGrace = std::chrono::hours(1);
constexpr auto kNotedWithin = std::chrono::minutes(1);  // a log that is kept: UseLog writes its row

int say(const Error& error) {
  std::fprintf(stderr, "ncps: %s\n", error.what().c_str());
  return kCouldNot;
}

db::Time now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::string progress(const cache::FsckSummary& so_far) {
  return fmt::format("{:3.0f}% {} narinfos, {} NARs, {} read, {} wrong", 100 * so_far.part_done,
                     so_far.narinfos.number, so_far.nars.number,
                     print_byte_size(so_far.verified.bytes), so_far.found());
}

nlohmann::json as_json(const cache::FsckSummary& done) {
  nlohmann::json flaws = nlohmann::json::object();
  for (std::size_t i = 0; i < cache::kFlaws; ++i) {
    const auto& count = done.flaws[i];
    flaws[std::string(cache::name_of(static_cast<cache::Flaw>(i)))] = {{"found", count.found},
                                                                       {"mended", count.mended}};
  }
  auto both = [](const cache::Count& count) {
    return nlohmann::json{{"number", count.number}, {"bytes", count.bytes}};
  };
  return {{"found", done.found()},
          {"mended", done.mended()},
          {"could_not_find_out", done.unchecked},
          {"flaws", flaws},
          {"narinfos", both(done.narinfos)},
          {"nars", both(done.nars)},
          {"objects", both(done.objects)},
          {"verified", both(done.verified)},
          {"strange_files", done.strange},
          {"examples", done.examples}};
}

void print(const cache::FsckSummary& done, const FsckRequest& request) {
  if (request.json) {
    std::printf(
        "%s\n",
        as_json(done).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return;
  }
  for (const auto& example : done.examples) std::fprintf(stderr, "ncps: %s\n", example.c_str());
  auto line = [](std::string_view what, const std::string& value) {
    std::printf("%s: %s\n", std::string(what).c_str(), value.c_str());
  };
  line("narinfos", fmt::format("{}", done.narinfos.number));
  line("NARs", fmt::format("{}, {}", done.nars.number, print_byte_size(done.nars.bytes)));
  line("logs, listings and the like",
       fmt::format("{}, {}", done.objects.number, print_byte_size(done.objects.bytes)));
  if (request.verify_content || done.verified.number > 0)
    line("NARs that were read and are right",
         fmt::format("{}, {}", done.verified.number, print_byte_size(done.verified.bytes)));
  for (std::size_t i = 0; i < cache::kFlaws; ++i) {
    const auto& count = done.flaws[i];
    if (count.found == 0) continue;
    auto mended = count.mended > 0 ? fmt::format(", {} mended", count.mended) : "";
    line(cache::to_string(static_cast<cache::Flaw>(i)), fmt::format("{}{}", count.found, mended));
  }
  if (done.strange > 0)
    line("files that are none of these, left alone", fmt::format("{}", done.strange));
  if (done.unchecked > 0) line("could not be checked or mended", fmt::format("{}", done.unchecked));
  if (done.found() == 0 && done.unchecked == 0) std::puts("all is well");
}

int status_of(const cache::FsckSummary& done) {
  if (done.unchecked > 0) return kCouldNot;
  return done.found() > done.mended() ? kFound : 0;
}

// The rest of what a run needs, opened for looking or for mending.
struct Kept {
  Alone alone;
  std::unique_ptr<db::CatalogImport> import;  // nullptr: only looked at
  db::Database database;                      // without catalog: only looked at
  std::unique_ptr<db::Inventory> inventory;
  std::unique_ptr<storage::BlobStore> store;
  std::vector<std::string> leftovers;  // before it was opened for mending
};

class Run {
 public:
  Run(const FsckRequest& request, const config::ServeOptions& options)
      : request_(request), options_(options), trust_(keeping_trust(options)) {}
  ~Run() {
    disk_.join();
    cpu_.join();
  }

  // What was found, and the exit status. Errors: unavailable, conflict, invalid.
  Result<cache::FsckSummary> once(cache::Changes changes, std::optional<db::Time> since,
                                  std::optional<std::chrono::milliseconds> settling) {
    TRY(auto kept, open(changes));
    cache::NarInfoJudge judge(cpu_, trust_);
    cache::FsckDeps deps{.runtime = runtime_,
                         .store = *kept.store,
                         .inventory = *kept.inventory,
                         .judge = judge,
                         .cpu = cpu_,
                         .import = kept.import.get(),
                         .catalog = kept.database.catalog.get(),
                         .pins = kept.database.pins.get()};
    cache::FsckOptions how{.changes = changes,
                           .note_verified = !request_.dry_run,
                           .verify_content = request_.verify_content,
                           .not_verified_since = since,
                           .grace_from = now() - kGrace,
                           .objects_grace_from = now() - kNotedWithin,
                           .leftovers = std::move(kept.leftovers)};
    if (settling) how.settling = *settling;
    ProgressLine line;
    auto tell = [&](const cache::FsckSummary& so_far) {
      line.show(progress(so_far), so_far.part_done);
    };
    auto done = block_on(runtime_, cache::fsck(deps, std::move(how), tell));
    line.end();
    return done;
  }

 private:
  Result<Kept> open(cache::Changes changes) {
    bool mends = changes == cache::Changes::all;
    Kept kept;
    if (mends) {
      TRY(kept.alone, take_alone(options_, runtime_));
      TRY(auto before, open_store(options_, storage::Access::read, runtime_, disk_, cpu_));
      TRY(kept.leftovers, block_on(runtime_, before->leftovers()));
      TRY(kept.import, db::open_import(options_.database, db::DryRun::no));
      TRY(kept.database, db::open_database(options_.database, options_.database_pool));
    }
    auto access = request_.dry_run ? db::InventoryAccess::read : db::InventoryAccess::write;
    TRY(check_database());
    TRY(kept.inventory, db::open_inventory(options_.database, access));
    TRY(kept.store, open_store(options_, mends ? storage::Access::write : storage::Access::read,
                               runtime_, disk_, cpu_));
    return kept;
  }

  // SQLite would make it.
  Result<void> check_database() const {
    std::error_code ec;
    const auto& database = options_.database;
    if (database.kind != db::DatabaseKind::sqlite ||
        std::filesystem::exists(database.sqlite_path, ec))
      return {};
    return fail(ErrorKind::unavailable,
                database.sqlite_path.native() +
                    ": there is no such database; `ncps fsck --repair` makes it from the store");
  }

  const FsckRequest& request_;
  const config::ServeOptions& options_;
  Live<cache::Trust> trust_;
  Runtime runtime_{std::max(1U, std::thread::hardware_concurrency())};
  Pool disk_{kDiskThreads}, cpu_{std::max(1U, std::thread::hardware_concurrency())};
};

bool is_asked() {
  return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0;
}

bool says_yes() {
  std::fputs("Mend it? [y/N] ", stderr);
  int first = std::getchar();
  for (int c = first; c != '\n' && c != EOF;) c = std::getchar();
  return first == 'y' || first == 'Y';
}

// Absent: not given.
Result<std::optional<std::chrono::milliseconds>> duration_of(const char* flag,
                                                             const std::string& given) {
  if (given.empty()) return std::nullopt;
  auto duration = parse_duration_ms(given);
  if (!duration) return std::unexpected(std::move(duration).error().while_doing(flag));
  return *duration;
}

Result<int> run(const FsckRequest& request, const config::ServeOptions& options) {
  if (request.repair && request.dry_run)
    return fail(ErrorKind::invalid, "--repair and --dry-run exclude each other: give one");
  TRY(auto within, duration_of("--verified-since", request.verified_since));
  TRY(auto settling, duration_of("--settling", request.settling));
  std::optional<db::Time> since;
  if (within) since = now() - std::chrono::ceil<std::chrono::seconds>(*within);
  TRY(check_root(options));
  // Without --dry-run it notes what it has verified.
  if (!request.dry_run) {
    TRY(check_owner(options));
  }
  Run work(request, options);
  auto changes = request.repair ? cache::Changes::all : cache::Changes::none;
  TRY(auto done, work.once(changes, since, settling));
  print(done, request);
  if (request.repair || request.dry_run || done.found() == 0 || !is_asked() || !says_yes())
    return status_of(done);
  TRY(auto mended, work.once(cache::Changes::all, since, settling));
  print(mended, request);
  return status_of(mended);
}

}  // namespace

int fsck(const FsckRequest& request, const config::Loaded& loaded) {
  if (!usable(loaded)) return kCouldNot;
  auto status = run(request, loaded.options);
  return status ? *status : say(status.error());
}

}  // namespace ncps::app
