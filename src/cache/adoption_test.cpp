#include "cache/adoption.h"

#include <sys/stat.h>

#include <fstream>

#include "cache/kept_urls.h"
#include "cache/signing_key.h"
#include "cache/testing/nar_info_fixture.h"
#include "cache/testing/plain_sample.h"
#include "db/soci/open_import.h"

namespace ncps::cache {
namespace {

namespace fs = std::filesystem;

// A database of the Go program, in memory; two narinfos to a page.
class FakeGoDatabase final : public db::GoDatabase {
 public:
  Task<db::GoPage> narinfos(std::int64_t last) override {
    db::GoPage page{.narinfos = {}, .last = last};
    for (auto i = static_cast<std::size_t>(last); i < all.size() && page.narinfos.size() < 2; ++i) {
      page.narinfos.push_back(all[i]);
      ++page.last;
    }
    co_return page;
  }
  Task<std::optional<std::string>> secret_key() override { co_return std::nullopt; }

  std::vector<db::GoNarInfo> all;
};

struct Adoption : NarInfoFixture {
  void write(const storage::BlobKey& key, std::string_view bytes) {
    auto path = root.path() / key.str();
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    ::chmod(path.c_str(), 0400);
  }
  void write_narinfo(const Sample& sample) { write(narinfo_key(sample.hash()), sample.text()); }
  void write_nar(std::string_view url, std::string_view bytes) {
    write(nar_key(nix::NarUrl::parse(url).value()), bytes);
  }

  // As the Go program served it: its own signature is the last one.
  Sample left(std::string_view name, nix::Compression compression = nix::Compression::xz) {
    auto sample = make_sample(name, 2'000, compression);
    sample.sign(upstream_key);
    sample.sign(own_key);
    return sample;
  }
  Sample left_plain(std::string_view name) {
    auto sample = plain_sample(name, 3'000);
    sample.info.url = "nar/" + sample.info.nar_hash.nix32() + ".nar";
    sample.sign(upstream_key);
    return sample;
  }

  static db::GoNarInfo row_of(const Sample& sample) {
    return {.hash = std::string(sample.hash().str()),
            .text = sample.text(),
            .upstream_url = "",
            .times = {.created = {}, .accessed = db::parse_time("2025-01-01 00:00:00")},
            .files = {}};
  }

  Result<AdoptionSummary> import(Changes changes = Changes::all) {
    auto dry_run = changes == Changes::none ? db::DryRun::yes : db::DryRun::no;
    db::DatabaseUrl url{.kind = db::DatabaseKind::sqlite, .sqlite_path = root.path() / "db.sqlite"};
    TRY(auto catalog, db::open_import(url, dry_run));
    NarInfoJudge judge(cpu, live_trust);
    AdoptionDeps deps{.runtime = runtime,
                      .store = store,
                      .catalog = *catalog,
                      .judge = judge,
                      .database = database.all.empty() ? nullptr : &database};
    auto progress = [](const AdoptionSummary&) {};
    return run(adopt(deps, changes, progress));
  }

  // The bytes that a client gets for the URL in the narinfo that it got, decompressed as it says.
  std::string served(const Sample& sample) {
    auto info = found(sample);
    auto url = nix::NarUrl::parse(info.url).value();
    auto drained = run(get(url));
    if (!drained || drained->error) return "no bytes: " + url.str();
    std::string out;
    auto sink = [&](std::string_view part) -> Result<void> {
      out += part;
      return {};
    };
    auto decompressor = codec::make_decompressor(info.compression).value();
    if (!decompressor->feed(drained->bytes, sink) || !decompressor->finish(sink)) return "broken";
    return out;
  }

  std::optional<db::NarRow> nar_row(std::string_view url) {
    return run(real_catalog->find_nar(nix::NarUrl::parse(url).value())).value();
  }

  std::map<std::string, std::string> tree() {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(root.path())) {
      std::ifstream in(entry.path(), std::ios::binary);
      all[entry.path().native()] =
          entry.is_regular_file() ? std::string(std::istreambuf_iterator<char>(in), {}) : "folder";
    }
    return all;
  }

  FakeGoDatabase database;
};

TEST_F(Adoption, AStoreOfTheGoProgramIsServedWholeUnderItsUrlsWithoutAnUpstream) {
  std::vector<Sample> samples = {left("xz"), left("zstd", nix::Compression::zstd),
                                 left("bzip2", nix::Compression::bzip2)};
  samples[1].info.url = "nar/" + crypto::to_hex(samples[1].info.file_hash->digest()) + ".nar.zst";
  auto prefixed = left("prefixed");
  prefixed.info.url = "nar/" + std::string(prefixed.hash().str()) + "-" +
                      prefixed.info.nar_hash.nix32() + ".nar.xz";
  samples.push_back(prefixed);
  samples.push_back(left_plain("plain"));
  for (const auto& sample : samples) {
    write_narinfo(sample);
    write_nar(sample.info.url, sample.file);
  }
  auto done = import().value();
  EXPECT_EQ(done.added, samples.size());
  EXPECT_EQ(done.refusals(), 0u);
  EXPECT_EQ(done.without_nar, 0u);
  EXPECT_EQ(done.nars.number, samples.size());
  EXPECT_EQ(done.without_narinfo.number, 0u);
  for (const auto& sample : samples) {
    EXPECT_EQ(found(sample).url, sample.info.url);
    EXPECT_EQ(nar_row(sample.info.url)->stored_size, sample.file.size()) << sample.info.url;
    EXPECT_EQ(served(sample), sample.nar);
  }
  auto again = import().value();
  EXPECT_EQ(again.added, 0u);
  EXPECT_EQ(again.known, samples.size());
}

// The same without an import: what is not adopted at once becomes ours when it is asked for.
TEST_F(Adoption, LazilyTooEveryPathIsServedUnderItsUrl) {
  auto plain = left_plain("plain"), xz = left("xz");
  for (const auto& sample : {plain, xz}) {
    write_narinfo(sample);
    write_nar(sample.info.url, sample.file);
    EXPECT_EQ(found(sample).url, sample.info.url);
    EXPECT_EQ(served(sample), sample.nar);
  }
}

TEST_F(Adoption, WhatIsRefusedIsSaidAndLeftAsItIs) {
  auto unsigned_one = make_sample("unsigned", 2'000), ours_only = make_sample("ours", 2'000);
  ours_only.sign(own_key);
  auto forged = left("forged");
  forged.info.nar_size += 1;
  write_narinfo(unsigned_one);
  write_narinfo(ours_only);
  write_narinfo(forged);
  auto here = left("here"), there = left("there");
  write(narinfo_key(there.hash()), here.text());  // of another path
  write(narinfo_key(left("garbage").hash()), "garbage");
  write(narinfo_key(left("empty").hash()), "");
  write(narinfo_key(left("large").hash()), std::string(nix::kMaxNarInfoBytes + 1, 'x'));
  write(storage::BlobKey::parse("store/narinfo/x/xx/xx.narinfo").value(), here.text());
  write_nar(unsigned_one.info.url, unsigned_one.file);
  auto before = tree();
  auto done = import().value();
  EXPECT_EQ(done.added, 0u);
  EXPECT_EQ(done.refusals(), 8u);
  EXPECT_EQ(done.refused["no signature by a trusted key"], 2u);
  EXPECT_EQ(done.refused["its signature in the name of a trusted key does not fit"], 1u);
  EXPECT_EQ(done.refused["no narinfo of that path"], 3u);
  EXPECT_EQ(done.examples.size(), 8u);
  EXPECT_EQ(done.without_narinfo.number, 1u);
  EXPECT_EQ(done.without_narinfo.bytes, unsigned_one.file.size());
  for (const auto& [path, bytes] : before)
    if (path.contains("/store/na")) EXPECT_EQ(tree()[path], bytes) << path;
}

TEST_F(Adoption, NarInfosWithoutNarAndNarsCutShortAreCounted) {
  auto alone = left("alone"), cut = left("cut"), empty = left_plain("empty");
  for (const auto& sample : {alone, cut, empty}) write_narinfo(sample);
  write_nar(cut.info.url, cut.file.substr(0, 100));
  write_nar(empty.info.url, "");
  auto done = import().value();
  EXPECT_EQ(done.added, 3u);
  EXPECT_EQ(done.without_nar, 1u);
  EXPECT_EQ(done.damaged, 2u);
  EXPECT_EQ(done.examples.size(), 2u);
  EXPECT_EQ(nar_row(cut.info.url)->stored_size, std::nullopt) << "not noted as stored";
}

TEST_F(Adoption, ADryRunCountsTheSameAndChangesNoByte) {
  auto xz = left("xz"), stranger = make_sample("stranger", 2'000), in_rows = left("in-rows");
  write_narinfo(xz);
  write_nar(xz.info.url, xz.file);
  write_narinfo(stranger);
  write_nar(in_rows.info.url, in_rows.file);
  database.all = {row_of(in_rows)};
  auto before = tree();
  auto dried = import(Changes::none);
  ASSERT_TRUE(dried) << dried.error().what();
  auto dry = *dried;
  EXPECT_EQ(tree(), before);
  auto done = import().value();
  EXPECT_EQ(dry.added, 2u);
  EXPECT_EQ(dry.added, done.added);
  EXPECT_EQ(dry.refused, done.refused);
  EXPECT_EQ(dry.without_nar, done.without_nar);
  EXPECT_EQ(dry.without_narinfo.number, done.without_narinfo.number);
}

TEST_F(Adoption, NarInfosOfTheDatabaseBecomeFilesAndRowsAndAreServed) {
  auto own = left("own"), fits = left_plain("fits"), odd = left_plain("odd"),
       normal = left("normal"), opaque = left("opaque"), other = left("other");
  // Without compression, stored with zstd: under its NarHash, and under another name.
  write_nar("nar/" + fits.info.nar_hash.nix32() + ".nar.zst",
            codec::compress(nix::Compression::zstd, fits.nar));
  odd.info.url = "nar/0123.nar";
  write_nar("nar/0123.nar.zst", codec::compress(nix::Compression::zstd, odd.nar));
  write_nar(own.info.url, own.file);
  // Prefixed in the row, normalised as a file.
  normal.info.url =
      "nar/" + std::string(normal.hash().str()) + "-" + normal.info.file_hash->nix32() + ".nar.xz";
  write_nar("nar/" + normal.info.file_hash->nix32() + ".nar.xz", normal.file);
  opaque.info.url = "abc123";
  write_nar("nar/" + opaque.info.nar_hash.nix32() + ".nar.xz", opaque.file);
  // xz in the row, zstd as a file.
  write_nar("nar/" + other.info.file_hash->nix32() + ".nar.zst",
            codec::compress(nix::Compression::zstd, other.nar));
  for (const auto& sample : {own, fits, odd, normal, opaque, other})
    database.all.push_back(row_of(sample));
  database.all[4].files = {
      {.hash = opaque.info.nar_hash.nix32(), .compression = "xz", .in_chunks = false, .times = {}}};
  auto done = import().value();
  EXPECT_EQ(done.added, 6u);
  EXPECT_EQ(done.without_nar, 0u);
  EXPECT_EQ(done.without_narinfo.number, 0u);
  EXPECT_EQ(done.redescribed, 2u);
  EXPECT_EQ(done.damaged, 0u);
  for (const auto& sample : {own, fits, odd, normal, opaque, other}) {
    EXPECT_EQ(served(sample), sample.nar) << sample.info.store_path.str();
    EXPECT_TRUE(fs::exists(file_of(sample)));
  }
  EXPECT_EQ(found(own).url, own.info.url);
  EXPECT_EQ(nar_row("nar/" + fits.info.nar_hash.nix32() + ".nar.zst")->upstream_url, fits.info.url);
  // The files alone are enough to find the same again.
  for (const auto& sample : {own, fits, odd, normal, opaque, other}) {
    auto text = run(store.find_text(narinfo_key(sample.hash()))).value().value();
    auto urls = run(urls_of_kept(store, nix::parse_nar_info(text).value())).value();
    EXPECT_EQ(urls.front().str(), found(sample).url);
  }
}

TEST_F(Adoption, AFileThatIsGoodStaysAndABadOneIsReplacedByTheDatabases) {
  auto good = left("good"), bad = left("bad"), incomplete = left("incomplete");
  auto file_text = good.text() + "Extra: kept\n";
  write(narinfo_key(good.hash()), file_text);
  write(narinfo_key(bad.hash()), "garbage");
  write_narinfo(incomplete);
  database.all = {row_of(good), row_of(bad), row_of(incomplete)};
  database.all[2].text.reset();
  auto done = import().value();
  EXPECT_EQ(done.added, 3u);
  EXPECT_EQ(done.known, 0u) << "nothing counts twice";
  EXPECT_EQ(done.refusals(), 0u);
  EXPECT_EQ(run(store.find_text(narinfo_key(good.hash()))).value(), file_text);
  EXPECT_EQ(run(store.find_text(narinfo_key(bad.hash()))).value(), bad.text());
}

TEST_F(Adoption, RowsThatCannotBeTrustedOrReadAreRefused) {
  auto unsigned_one = make_sample("unsigned", 2'000), empty = left("empty"), odd = left("odd");
  database.all = {row_of(unsigned_one), row_of(empty), row_of(odd)};
  database.all[1].text.reset();
  database.all[2].hash = "../../etc/passwd\x1b[2J";
  auto done = import().value();
  EXPECT_EQ(done.added, 0u);
  EXPECT_EQ(done.refusals(), 3u);
  for (const auto& line : done.examples) EXPECT_FALSE(line.contains('\x1b')) << line;
  EXPECT_EQ(files_in("store/narinfo"), 0u);
}

TEST_F(Adoption, ANarThatIsOnlyInChunksIsSaid) {
  auto sample = left("chunked");
  database.all = {row_of(sample)};
  database.all[0].files = {{.hash = sample.info.file_hash->nix32(),
                            .compression = "xz",
                            .in_chunks = true,
                            .times = {}}};
  auto done = import().value();
  EXPECT_EQ(done.added, 1u);
  EXPECT_EQ(done.without_nar, 1u);
  EXPECT_EQ(done.only_in_chunks, 1u);
}

TEST_F(Adoption, WhereverItIsEndedTheNextRunDoesTheRest) {
  std::vector<Sample> samples;
  for (auto name : {"a", "b", "c"}) samples.push_back(left(name));
  write_narinfo(samples[0]);
  database.all = {row_of(samples[1]), row_of(samples[2])};
  for (const auto& sample : samples) write_nar(sample.info.url, sample.file);
  int ended = 0;
  for (int n = 1;; ++n) {
    faults.fail_nth(n);
    auto done = import();
    if (!faults.fired()) break;
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind(), ErrorKind::unavailable);
    ++ended;
  }
  faults.heal();
  EXPECT_GT(ended, 4);
  auto done = import().value();
  EXPECT_EQ(done.known, 3u);
  EXPECT_EQ(done.without_nar, 0u);
  for (const auto& sample : samples) EXPECT_EQ(served(sample), sample.nar);
}

TEST_F(Adoption, MoreThanAPageIsAdopted) {
  auto many = storage::BlobStore::kListed + 30;
  for (std::size_t i = 0; i < many; ++i) write_narinfo(left("many" + std::to_string(i)));
  auto done = import().value();
  EXPECT_EQ(done.added, many);
  EXPECT_EQ(done.without_nar, many);
}

TEST_F(Adoption, TheKeyBecomesOursOnlyIfWeHaveNone) {
  auto theirs = nix::SecretKey::generate("theirs").value();
  auto import_key = [&](std::optional<std::string> text, Changes changes) {
    return run(import_signing_key(store, std::move(text), changes));
  };
  EXPECT_EQ(import_key(std::nullopt, Changes::all).value(), KeyImport::none);
  EXPECT_EQ(import_key(theirs.str(), Changes::none).value(), KeyImport::taken);
  EXPECT_EQ(run(store.find_text(signing_key_key())).value(), std::nullopt);
  EXPECT_EQ(import_key(theirs.str() + "\n", Changes::all).value(), KeyImport::taken);
  EXPECT_EQ(run(load_signing_keys(store, "ours")).value().front().str(), theirs.str());
  EXPECT_EQ(import_key(theirs.str(), Changes::all).value(), KeyImport::same);
  EXPECT_EQ(import_key(own_key.str(), Changes::all).value(), KeyImport::other);
  EXPECT_EQ(run(load_signing_keys(store, "ours")).value().front().str(), theirs.str());
  auto broken = import_key("name:c2VjcmV0", Changes::all);
  ASSERT_FALSE(broken);
  EXPECT_FALSE(broken.error().what().contains("c2VjcmV0"));
}

}  // namespace
}  // namespace ncps::cache
