#include "app/pin.h"

#include <cstdio>

#include "app/keeping.h"
#include "app/open_store.h"
#include "app/owner.h"
#include "cache/pinning.h"
#include "db/soci/open_catalog.h"
#include "nix/store_path.h"
#include "rt/block_on.h"

namespace ncps::app {
namespace {

constexpr int kWasSo = 1, kCouldNot = 2;

int say(const Error& error) {
  std::fprintf(stderr, "ncps: %s\n", error.what().c_str());
  return kCouldNot;
}

Result<db::Pin> parse_pin(const std::string& text) {
  if (auto hash = nix::StorePathHash::parse(text)) return db::Pin{.hash = *hash, .store_path = ""};
  auto path = nix::StorePath::parse(text);
  if (!path) path = nix::StorePath::parse_base_name(text);
  if (!path)
    return fail(ErrorKind::invalid, "'" + text +
                                        "' is neither a store path nor the hash of one; write "
                                        "/nix/store/<hash>-<name>");
  return db::Pin{.hash = path->hash(), .store_path = path->str()};
}

Result<int> add(Runtime& runtime, const db::Database& database, storage::BlobStore& store,
                const db::Pin& pin) {
  TRY(auto known, block_on(runtime, database.catalog->find_narinfo(pin.hash)));
  TRY(auto pinned,
      block_on(runtime, cache::add_pin(*database.pins, *database.catalog, store, pin)));
  std::printf("%s; %zu store paths of its closure are known here\n",
              pinned.fresh ? "pinned" : "pinned already", known ? pinned.closure : 0);
  if (!known) std::fputs("ncps: it is not kept here yet: ask for it, and it stays\n", stderr);
  return pinned.fresh ? 0 : kWasSo;
}

Result<int> run(PinCommand command, const std::string& text, const config::Loaded& loaded) {
  const auto& options = loaded.options;
  std::optional<db::Pin> pin;
  if (command != PinCommand::list) {
    TRY(pin, parse_pin(text));
  }
  TRY(check_owner(options));  // also to list: it makes the database, or brings it up to date
  Runtime runtime(1);
  Pool disk(1), cpu(1);
  TRY(auto database, db::open_database(options.database, options.database_pool));
  if (command == PinCommand::list) {
    TRY(auto pins, block_on(runtime, database.pins->list()));
    for (const auto& one : pins)
      std::printf("%s\n", one.store_path.empty() ? std::string(one.hash.str()).c_str()
                                                 : one.store_path.c_str());
    return 0;
  }
  TRY(check_root(options));
  TRY(auto store, open_store(options, storage::Access::write, runtime, disk, cpu));
  if (command == PinCommand::remove) {
    TRY(bool removed, block_on(runtime, cache::remove_pin(*database.pins, *store, pin->hash)));
    std::puts(removed ? "pinned no longer" : "it was not pinned");
    return removed ? 0 : kWasSo;
  }
  return add(runtime, database, *store, *pin);
}

}  // namespace

int pin(PinCommand command, const std::string& path, const config::Loaded& loaded) {
  if (!usable(loaded)) return kCouldNot;
  auto status = run(command, path, loaded);
  return status ? *status : say(status.error());
}

}  // namespace ncps::app
