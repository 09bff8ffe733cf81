// A catalog of many rows: what a lookup costs, and the rows of a round of eviction beside lookups.
//
//   catalog_bench fill FILE ROWS         makes a SQLite file with so many narinfos and NARs at rest
//   catalog_bench measure FILE ROWS      of such a file; prints one JSON object, and changes FILE
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "crypto/encoding.h"
#include "crypto/sha256.h"
#include "db/soci/dialect.h"
#include "db/soci/migrate.h"
#include "db/soci/open_catalog.h"
#include "rt/block_on.h"

namespace {

using namespace ncps;
using Clock = std::chrono::steady_clock;

constexpr int kLookups = 10'000;
constexpr std::size_t kMostEvicted = 10'000;

double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

// The n-th store path hash of this bench.
std::string hash_of(std::size_t n) {
  auto digest = crypto::sha256("bench " + std::to_string(n));
  return crypto::to_nix32(std::span(digest).first(20));
}

// What a narinfo of cache.nixos.org looks like, in size and shape.
std::string text_of(const std::string& hash) {
  std::string text = "StorePath: /nix/store/" + hash + "-bench-1.0\nURL: nar/" + hash +
                     ".nar.xz\nCompression: xz\nFileHash: sha256:" + std::string(52, '0') +
                     "\nFileSize: 123456\nNarHash: sha256:" + std::string(52, '1') +
                     "\nNarSize: 654321\nReferences:";
  for (int i = 0; i < 6; ++i) text += " " + hash + "-reference-1.0";
  return text + "\nSig: cache.example-1:" + std::string(88, 'A') + "\n";
}

void fill(const db::DatabaseUrl& url, std::size_t rows) {
  db::migrate(url).value();
  auto dialect = db::make_sqlite_dialect(url, {});
  auto sql = dialect->connect();
  std::string hash, nar_url, text, at;
  long long id = 0;
  soci::statement nar =
      (sql->prepare << "INSERT INTO nar_urls (id, url, nar_hash, nar_size, compression, upstream, "
                       "upstream_url, stored_size, last_accessed_at) VALUES (:id, :url, 'sha256:" +
                           std::string(52, '1') +
                           "', 654321, 'xz', 'https://cache.example', :uu, 123456, :at)",
       soci::use(id), soci::use(nar_url), soci::use(nar_url), soci::use(at));
  soci::statement narinfo =
      (sql->prepare << "INSERT INTO narinfos (hash, content, upstream, nar_url_id, "
                       "last_accessed_at) VALUES (:h, :c, 'https://cache.example', :id, :at)",
       soci::use(hash), soci::use(text), soci::use(id), soci::use(at));
  for (std::size_t n = 0; n < rows;) {
    soci::transaction batch(*sql);
    for (std::size_t end = std::min(rows, n + 50'000); n < end; ++n) {
      id = static_cast<long long>(n) + 1;
      hash = hash_of(n);
      nar_url = "nar/" + hash + ".nar.xz";
      text = text_of(hash);
      at = fmt::format("20{:02}-01-01 {:02}:{:02}:00", 10 + n % 10, n % 24, n % 60);
      nar.execute(true);
      narinfo.execute(true);
    }
    batch.commit();
  }
}

struct Times {
  std::vector<double> seconds;
  void sort() { std::ranges::sort(seconds); }
  double at(double part) const {
    return seconds.empty() ? 0
                           : seconds[static_cast<std::size_t>(part * double(seconds.size() - 1))];
  }
  std::string json() const {
    return fmt::format(R"({{"count":{},"p50_ms":{:.4f},"p99_ms":{:.4f},"max_ms":{:.4f}}})",
                       seconds.size(), at(0.5) * 1e3, at(0.99) * 1e3, at(1) * 1e3);
  }
};

double lookup(Runtime& runtime, db::Catalog& catalog, const std::string& hash) {
  auto begin = Clock::now();
  auto row = block_on(runtime, catalog.find_narinfo(nix::StorePathHash::parse(hash).value()));
  row.value();
  return seconds_since(begin);
}

void measure(const db::DatabaseUrl& url, std::size_t rows) {
  Runtime runtime(2);
  auto begin = Clock::now();
  auto database = db::open_database(url, {}).value();
  auto& catalog = *database.catalog;
  double open = seconds_since(begin);

  std::mt19937_64 random(1);
  auto any_hash = [&] { return hash_of(random() % rows); };
  Times alone, beside;
  for (int i = 0; i < kLookups; ++i) alone.seconds.push_back(lookup(runtime, catalog, any_hash()));

  const auto evicted = std::min(kMostEvicted, rows / 2);
  std::atomic<bool> over = false;
  double round = 0;
  std::thread eviction([&] {
    auto started = Clock::now();
    db::Place after;
    for (std::size_t gone = 0; gone < evicted;) {
      auto old =
          block_on(runtime, database.eviction->nars(after, db::Eviction::kMostAtOnce, {})).value();
      after = old.back().place;
      if (old.size() > evicted - gone)
        old.erase(old.begin() + std::ptrdiff_t(evicted - gone), old.end());
      gone += old.size();
      for (auto& nar : old) block_on(runtime, database.eviction->drop(std::move(nar))).value();
    }
    round = seconds_since(started);
    over = true;
  });
  while (!over) beside.seconds.push_back(lookup(runtime, catalog, any_hash()));
  eviction.join();

  alone.sort();
  beside.sort();
  fmt::print(
      R"({{"rows":{},"open_s":{:.4f},"lookup":{},"eviction":{{"nars":{},"seconds":{:.3f},"lookup_beside":{}}}}})"
      "\n",
      rows, open, alone.json(), evicted, round, beside.json());
}

}  // namespace

int main(int count, char** arguments) {
  std::string what = count > 2 ? arguments[1] : "";
  if ((what != "fill" && what != "measure") || count != 4) {
    std::fputs("catalog_bench fill|measure FILE ROWS\n", stderr);
    return 2;
  }
  db::DatabaseUrl url{.kind = db::DatabaseKind::sqlite, .sqlite_path = arguments[2]};
  auto rows = static_cast<std::size_t>(std::stoull(arguments[3]));
  if (what == "fill")
    fill(url, rows);
  else
    measure(url, rows);
  return 0;
}
