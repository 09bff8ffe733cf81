#include "app/import.h"

#include <fmt/format.h>

#include <cstdio>

#include "app/alone.h"
#include "app/keeping.h"
#include "app/open_store.h"
#include "app/owner.h"
#include "app/pools.h"
#include "app/progress_line.h"
#include "base/byte_size.h"
#include "cache/adoption.h"
#include "cache/signing_key.h"
#include "config/secret_file.h"
#include "db/soci/open_import.h"
#include "rt/block_on.h"

namespace ncps::app {
namespace {

constexpr int kSomeRefused = 1, kCouldNot = 2;

int say(const Error& error) {
  std::fprintf(stderr, "ncps: %s\n", error.what().c_str());
  return kCouldNot;
}

std::string progress(const cache::AdoptionSummary& so_far) {
  return fmt::format("{} narinfos adopted, {} known, {} refused; {} NARs seen", so_far.added,
                     so_far.known, so_far.refusals(), so_far.nars.number);
}

void print(const cache::AdoptionSummary& done, bool dry_run) {
  if (dry_run) std::puts("dry run: nothing was changed");
  std::printf("narinfos %s: %s\n", dry_run ? "to adopt" : "adopted",
              fmt::format("{}", done.added).c_str());
  auto line = [](const char* what, const std::string& value) {
    std::printf("%s: %s\n", what, value.c_str());
  };
  line("narinfos already known", fmt::format("{}", done.known));
  line("narinfos refused", fmt::format("{}", done.refusals()));
  for (const auto& [reason, number] : done.refused)
    line("  of these", fmt::format("{}: {}", number, reason));
  line("narinfos without their NAR",
       fmt::format("{}{}", done.without_nar,
                   done.only_in_chunks == 0
                       ? ""
                       : fmt::format(", {} of them kept in chunks only, which cannot be taken over",
                                     done.only_in_chunks)));
  line("NARs at rest", fmt::format("{}, {}", done.nars.number, print_byte_size(done.nars.bytes)));
  line("NARs without a narinfo", fmt::format("{}, {}", done.without_narinfo.number,
                                             print_byte_size(done.without_narinfo.bytes)));
  if (done.redescribed != 0)
    line("narinfos that now name the compression of the file", fmt::format("{}", done.redescribed));
  if (done.damaged != 0)
    line("NARs of another size than announced; remove them to have them fetched again",
         fmt::format("{}", done.damaged));
  for (const auto& example : done.examples) std::fprintf(stderr, "ncps: %s\n", example.c_str());
}

Result<std::unique_ptr<db::GoDatabase>> open_from(const std::string& text) {
  if (text.empty()) return nullptr;
  TRY(auto plain, config::resolve_secret(text));
  auto url = db::parse_database_url(plain);
  if (!url) return std::unexpected(std::move(url).error().while_doing("--from-database-url"));
  auto opened = db::open_go_database(*url);
  if (!opened) return std::unexpected(std::move(opened).error().while_doing("--from-database-url"));
  return opened;
}

// What became of the database's key, as a sentence.
std::string_view told(cache::KeyImport outcome, bool dry_run) {
  switch (outcome) {
    case cache::KeyImport::none: return "the database has none";
    case cache::KeyImport::taken: return dry_run ? "would be taken over" : "taken over";
    case cache::KeyImport::same: return "already here";
    case cache::KeyImport::other: return "the store has another one, which stays";
  }
  return "";
}

struct Parts {
  Runtime& runtime;
  Pool& cpu;
  storage::BlobStore& store;
  db::CatalogImport& catalog;
  db::GoDatabase* from;  // nullptr: none
};

Result<std::string> import_key(const Parts& parts, bool dry_run, bool key_is_given) {
  if (parts.from == nullptr) return "";
  if (key_is_given) return "signing key: that of --cache-secret-key-path";
  TRY(auto text, block_on(parts.runtime, parts.from->secret_key()));
  auto changes = dry_run ? cache::Changes::none : cache::Changes::all;
  TRY(auto outcome,
      block_on(parts.runtime, cache::import_signing_key(parts.store, std::move(text), changes)));
  return "signing key: " + std::string(told(outcome, dry_run));
}

Result<int> run(const Parts& parts, const ImportRequest& request,
                const config::ServeOptions& options) {
  Live<cache::Trust> trust(keeping_trust(options));
  cache::NarInfoJudge judge(parts.cpu, trust);
  TRY(auto key, import_key(parts, request.dry_run, !options.secret_keys.empty()));
  ProgressLine line;
  auto tell = [&](const cache::AdoptionSummary& so_far) { line.show(progress(so_far)); };
  cache::AdoptionDeps deps{.runtime = parts.runtime,
                           .store = parts.store,
                           .catalog = parts.catalog,
                           .judge = judge,
                           .database = parts.from};
  auto changes = request.dry_run ? cache::Changes::none : cache::Changes::all;
  auto done = block_on(parts.runtime, cache::adopt(deps, changes, tell));
  line.end();
  TRY(auto summary, std::move(done));
  print(summary, request.dry_run);
  if (!key.empty()) std::puts(key.c_str());
  return summary.refusals() == 0 && summary.damaged == 0 ? 0 : kSomeRefused;
}

}  // namespace

int import(const ImportRequest& request, const config::Loaded& loaded) {
  if (!usable(loaded)) return kCouldNot;
  const auto& options = loaded.options;
  Runtime runtime(cores());
  Pools pools;
  auto& disk = pools.disk;
  auto& cpu = pools.cpu;
  if (auto root = check_root(options); !root) return say(root.error());
  if (!request.dry_run)
    if (auto owned = check_owner(options); !owned) return say(owned.error());
  auto from = open_from(request.from);
  if (!from) return say(from.error());
  Result<Alone> alone = Alone();
  if (!request.dry_run) alone = take_alone(options, runtime);
  if (!alone) return say(alone.error());
  auto dry_run = request.dry_run ? db::DryRun::yes : db::DryRun::no;
  auto catalog = db::open_import(options.database, dry_run);
  if (!catalog) return say(catalog.error());
  auto access = request.dry_run ? storage::Access::read : storage::Access::write;
  auto store = open_store(options, access, runtime, disk, cpu);
  if (!store) return say(store.error());
  Parts parts{
      .runtime = runtime, .cpu = cpu, .store = **store, .catalog = **catalog, .from = from->get()};
  auto status = run(parts, request, options);
  return status ? *status : say(status.error());
}

}  // namespace ncps::app
