#include "cache/fsck.h"

#include <fcntl.h>

#include "cache/testing/care_fixture.h"
#include "cache/testing/plain_sample.h"
#include "db/soci/dialect.h"

namespace ncps::cache {
namespace {

namespace fs = std::filesystem;

struct FsckTest : CareFixture {
  static FsckOptions look() {
    return {.grace_from = db::Time::max(),
            .objects_grace_from = db::Time::max(),
            .settling = std::chrono::milliseconds(0)};
  }
  static FsckOptions read_all() {
    auto options = look();
    options.verify_content = true;
    return options;
  }
  static FsckOptions mending(FsckOptions options = look()) {
    options.changes = Changes::all;
    options.note_verified = true;
    return options;
  }

  Result<FsckSummary> try_fsck(FsckOptions options) {
    NarInfoJudge judge(cpu, live_trust);
    auto import = db::open_import(url, db::DryRun::no).value();
    FsckDeps deps{.runtime = runtime,
                  .store = store,
                  .inventory = *inventory,
                  .judge = judge,
                  .cpu = cpu,
                  .import = import.get(),
                  .catalog = real_catalog.get()};
    return run(fsck(deps, options, [](const FsckSummary&) {}));
  }
  FsckSummary check(FsckOptions options) { return try_fsck(options).value(); }

  // "nar_absent 1/0, ": found and mended of each kind.
  static std::string told(const FsckSummary& summary) {
    std::string text;
    for (std::size_t i = 0; i < kFlaws; ++i) {
      auto count = summary.flaws[i];
      if (count.found + count.mended == 0) continue;
      text += std::string(name_of(static_cast<Flaw>(i))) + " " + std::to_string(count.found) + "/" +
              std::to_string(count.mended) + ", ";
    }
    if (summary.unchecked > 0) text += "unchecked " + std::to_string(summary.unchecked);
    return text;
  }
  std::string tree() {
    std::string text;
    for (const auto& entry : fs::recursive_directory_iterator(root.path() / "store"))
      if (entry.is_regular_file()) text += entry.path().native() + "\n";
    return text;
  }
  // Mends, and has nothing to do the second time, not even if it reads everything.
  std::string mend(FsckOptions options = mending()) {
    auto text = told(check(options));
    EXPECT_EQ(told(check(options)), "") << "the second time";
    EXPECT_EQ(told(check(mending(read_all()))), "") << "reading everything";
    return text;
  }
};

TEST_F(FsckTest, WhatIsWellIsLeftAlone) {
  EXPECT_EQ(told(check(read_all())), "");
  for (auto name : {"a", "b", "c", "d", "e"}) keep(name);
  auto before = tree();
  auto summary = check(mending(read_all()));
  EXPECT_EQ(told(summary), "");
  EXPECT_EQ(summary.narinfos.number, 5u);
  EXPECT_EQ(summary.nars.number, 5u);
  EXPECT_EQ(summary.verified.number, 5u);
  EXPECT_EQ(summary.part_done, 1);
  EXPECT_EQ(tree(), before);
}

TEST_F(FsckTest, ANarThatIsGoneIsNotedAndStaysTheWayToFetchIt) {
  auto gone = keep("gone"), here = keep("here");
  fs::remove(root.path() / nar_key(gone.url()).str());
  EXPECT_EQ(told(check(look())), "nar_absent 1/0, ");
  EXPECT_TRUE(entry(gone.url())->row.stored_size);
  EXPECT_EQ(mend(), "nar_absent 1/1, ");
  auto row = entry(gone.url());
  ASSERT_TRUE(row);
  EXPECT_FALSE(row->row.stored_size);
  EXPECT_EQ(row->row.upstream_url, gone.info.url);
  EXPECT_TRUE(entry(here.url())->row.stored_size);
}

struct FsckObjectsTest : FsckTest {
  static storage::BlobKey key(const std::string& path) {
    return object_key(nix::ObjectPath::parse(path).value());
  }
  const std::string hash = "26xbg1ndr7hbcncrlf9nhx5is2b25d13";
  std::vector<storage::BlobKey> all = {
      key(hash + ".ls"),
      key("log/" + hash + "-g++.drv"),
      key("realisations/sha256:" + std::string(64, 'a') + "!out.doi"),
      key("build-trace-v2/" + hash + "-x.drv/out.doi"),
      key("debuginfo/" + std::string(40, 'b')),
      key("debuginfo/" + std::string(40, 'b') + ".debug")};
  std::optional<std::uint64_t> noted(const storage::BlobKey& one) {
    auto row = run(inventory->find_object(one.str())).value();
    return row ? std::optional(row->size) : std::nullopt;
  }
};

TEST_F(FsckObjectsTest, AllRowsAreMadeFromTheStore) {
  for (const auto& one : all) write(one, one.str());
  auto summary = check(look());
  EXPECT_EQ(told(summary), "object_without_row 6/0, ");
  EXPECT_EQ(summary.objects.number, 6u);
  EXPECT_FALSE(noted(all[0]));
  EXPECT_EQ(mend(), "object_without_row 6/6, ");
  for (const auto& one : all) EXPECT_EQ(noted(one), one.str().size());
}

TEST_F(FsckObjectsTest, WhatIsGoneOrOfAnotherSizeIsNoted) {
  for (const auto& one : all) {
    write(one, "contents");
    ASSERT_TRUE(run(inventory->put_object({.key = one.str(), .size = 8})));
  }
  EXPECT_EQ(told(check(look())), "");
  fs::remove(root.path() / all[0].str());
  write(all[1], "longer contents");
  ASSERT_TRUE(run(inventory->put_object({.key = "store/log/nobody knows", .size = 8})));
  EXPECT_EQ(told(check(look())), "object_absent 2/0, object_of_other_size 1/0, ");
  EXPECT_EQ(mend(), "object_absent 2/2, object_of_other_size 1/1, ");
  EXPECT_FALSE(noted(all[0]));
  EXPECT_EQ(noted(all[1]), 15u);
  EXPECT_FALSE(run(inventory->find_object("store/log/nobody knows")).value());
}

TEST_F(FsckObjectsTest, WhatCameJustNowMayStillBeNoted) {
  write(all[0], "contents");
  auto options = mending();
  options.objects_grace_from = db::Time::min();
  EXPECT_EQ(told(check(options)), "");
}

TEST_F(FsckObjectsTest, WhatCannotBeReadIsLeftAlone) {
  write(all[0], "contents");
  ASSERT_TRUE(run(inventory->put_object({.key = all[0].str(), .size = 9})));
  faults.fail_always("open");
  EXPECT_EQ(told(check(mending())), "unchecked 1");
  faults.heal();
  EXPECT_EQ(noted(all[0]), 9u);
  write(storage::BlobKey::parse("store/log/x/y/strange").value(), "left");
  auto summary = check(mending());
  EXPECT_EQ(told(summary), "object_of_other_size 1/1, ");
  EXPECT_EQ(summary.strange, 1u);
}

TEST_F(FsckTest, ANarThatIsNotNotedIsNotedAgain) {
  auto sample = keep("a");
  ASSERT_TRUE(run(inventory->mark_gone(sample.url())));
  EXPECT_EQ(told(check(look())), "nar_not_noted 1/0, ");
  EXPECT_EQ(mend(), "nar_not_noted 1/1, ");
  EXPECT_EQ(entry(sample.url())->row.stored_size, sample.file.size());
}

TEST_F(FsckTest, ANarThatIsCutShortGoesAndItsRowStays) {
  auto sample = keep("a", 50'000);
  write(nar_key(sample.url()), sample.file.substr(0, 1'000));
  EXPECT_EQ(told(check(look())), "nar_of_other_size 1/0, ");
  EXPECT_TRUE(lies(nar_key(sample.url())));
  EXPECT_EQ(mend(), "nar_corrupt 1/1, ");
  EXPECT_FALSE(lies(nar_key(sample.url())));
  EXPECT_FALSE(entry(sample.url())->row.stored_size);
}

TEST_F(FsckTest, AnUnnotedNarOfAnotherSizeIsReadBeforeItIsBelieved) {
  auto sample = keep("a", 50'000), empty = keep("empty");
  for (const auto& one : {sample, empty}) ASSERT_TRUE(run(inventory->mark_gone(one.url())));
  write(nar_key(sample.url()), sample.file.substr(0, 1'000));
  write(nar_key(empty.url()), "");
  EXPECT_EQ(mend(), "nar_corrupt 2/2, ");
  EXPECT_FALSE(lies(nar_key(sample.url())));
}

TEST_F(FsckTest, AWrongSizeInTheRowOfARightNarIsCorrected) {
  auto sample = keep("a");
  ASSERT_TRUE(run(inventory->mark_stored(sample.url(), 7)));
  EXPECT_EQ(mend(), "nar_of_other_size 1/1, ");
  EXPECT_EQ(entry(sample.url())->row.stored_size, sample.file.size());
}

TEST_F(FsckTest, AFlippedBitIsFoundOnlyByReading) {
  auto bad = keep("bad", 50'000), good = keep("good", 50'000);
  flip(bad);
  EXPECT_EQ(told(check(look())), "");
  EXPECT_EQ(told(check(read_all())), "nar_corrupt 1/0, ");
  EXPECT_TRUE(lies(nar_key(bad.url())));
  EXPECT_EQ(mend(mending(read_all())), "nar_corrupt 1/1, ");
  EXPECT_FALSE(lies(nar_key(bad.url())));
  EXPECT_FALSE(entry(bad.url())->row.stored_size);
  EXPECT_TRUE(lies(nar_key(good.url())));
}

// Another file of the same NAR: what is signed is right.
TEST_F(FsckTest, AFileOfAnotherFileHashThatHoldsTheRightNarStays) {
  auto sample = keep("a", 50'000);
  auto other = codec::compress(nix::Compression::xz, sample.nar) +
               codec::compress(nix::Compression::xz, "");  // an empty stream more
  ASSERT_NE(other.size(), sample.file.size());
  write(nar_key(sample.url()), other);
  EXPECT_EQ(mend(mending(read_all())), "nar_of_other_size 1/1, ");
  EXPECT_EQ(read(nar_key(sample.url())), other);
  EXPECT_EQ(entry(sample.url())->row.stored_size, other.size());
}

TEST_F(FsckTest, WhatWasVerifiedLatelyIsNotReadAgain) {
  auto sample = keep("a", 50'000);
  auto options = mending(read_all());
  EXPECT_EQ(check(options).verified.number, 1u);
  flip(sample);
  options.not_verified_since =
      std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) -
      std::chrono::hours(1);
  EXPECT_EQ(told(check(options)), "");
  *options.not_verified_since += std::chrono::hours(2);
  EXPECT_EQ(told(check(options)), "nar_corrupt 1/1, ");
}

TEST_F(FsckTest, ANarWithoutRowGetsOneFromItsBytes) {
  auto sample = make_sample("a", 50'000);
  write(nar_key(sample.url()), sample.file);
  auto odd = nix::NarUrl::parse("nar/some-name.nar.xz").value();  // no hash in it
  write(nar_key(odd), sample.file);
  EXPECT_EQ(told(check(look())), "nar_without_row 2/0, ");
  EXPECT_EQ(mend(), "nar_without_row 2/2, ");
  for (const auto& url : {sample.url(), odd}) {
    auto row = entry(url);
    ASSERT_TRUE(row);
    EXPECT_EQ(row->row.nar_hash, sample.info.nar_hash);
    EXPECT_EQ(row->row.nar_size, sample.info.nar_size);
    EXPECT_EQ(row->row.file_hash, sample.info.file_hash);
    EXPECT_EQ(row->row.stored_size, sample.file.size());
    EXPECT_TRUE(row->verified);
  }
}

TEST_F(FsckTest, ANarWithoutRowThatIsNotWhatItsNameSaysGoes) {
  auto sample = make_sample("a", 50'000), other = make_sample("b");
  write(nar_key(sample.url()), other.file);
  EXPECT_EQ(mend(), "nar_without_row 1/1, ");
  EXPECT_FALSE(lies(nar_key(sample.url())));
}

TEST_F(FsckTest, WhatNobodyCanJudgeIsLeftAndSaid) {
  auto odd = nix::NarUrl::parse("nar/some-name.nar.xz").value();
  write(nar_key(odd), "no NAR at all");
  EXPECT_EQ(told(check(mending())), "nar_without_row 1/0, unchecked 1");
  EXPECT_TRUE(lies(nar_key(odd)));
}

TEST_F(FsckTest, ANarThatMayStillGetItsNarinfoIsNoFlaw) {
  auto sample = make_sample("a");
  write(nar_key(sample.url()), sample.file);
  auto options = mending();
  options.grace_from = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) -
                       std::chrono::hours(1);
  EXPECT_EQ(told(check(options)), "");
  EXPECT_FALSE(entry(sample.url()));
}

TEST_F(FsckTest, ANarinfoWithoutFileIsWrittenFromItsRow) {
  auto sample = keep("a");
  fs::remove(file_of(sample));
  EXPECT_EQ(told(check(look())), "narinfo_without_file 1/0, ");
  EXPECT_EQ(mend(), "narinfo_without_file 1/1, ");
  EXPECT_EQ(read(narinfo_key(sample.hash())), sample.text());
}

TEST_F(FsckTest, ANarinfoWithoutRowGetsItsRow) {
  auto sample = keep("a");
  ASSERT_TRUE(run(inventory->remove_narinfo(std::string(sample.hash().str()), sample.text())));
  EXPECT_EQ(told(check(look())), "narinfo_without_row 1/0, ");
  EXPECT_EQ(mend(), "narinfo_without_row 1/1, ");
  EXPECT_TRUE(run(real_catalog->find_narinfo(sample.hash())).value());
}

TEST_F(FsckTest, ADamagedNarinfoIsMendedFromWhicheverIsGood) {
  auto file = keep("file"), row = keep("row"), both = keep("both"), misfit = keep("misfit");
  write(narinfo_key(file.hash()), "garbage");
  auto spoil = [&](const Sample& sample, const std::string& text) {
    auto nar = sample.row("");
    ASSERT_TRUE(run(real_catalog->put_narinfo(
        {.hash = sample.hash(), .text = text, .upstream = "", .nar_url = nar.url}, nar)));
  };
  spoil(row, "garbage");
  write(narinfo_key(both.hash()), file.text());  // of another path
  spoil(both, "garbage");
  auto text = misfit.text();
  text.replace(text.find("NarSize: ") + 9, 1, "9");
  write(narinfo_key(misfit.hash()), text);
  EXPECT_EQ(told(check(look())), "");
  EXPECT_EQ(told(check(read_all())), "narinfo_corrupt 3/0, narinfo_not_trusted 1/0, ");
  auto told_first = told(check(mending(read_all())));
  EXPECT_EQ(told_first, "narinfo_corrupt 3/3, narinfo_not_trusted 1/1, ");
  EXPECT_EQ(told(check(mending(read_all()))), "");
  for (const auto& sample : {file, row, misfit}) {
    EXPECT_EQ(read(narinfo_key(sample.hash())), sample.text());
    EXPECT_EQ(run(real_catalog->find_narinfo(sample.hash())).value()->text, sample.text());
  }
  EXPECT_FALSE(kept(both));  // whoever asks for it gets it from an upstream
  EXPECT_TRUE(entry(both.url()));
}

TEST_F(FsckTest, AnUploadedRowGetsItsFileAndItsMarkBack) {
  for (bool keys : {true, false}) {  // without keys its text would do as an upstream's, too
    if (!keys) live_trust.replace({});
    auto sample = keep_upload(keys ? "a" : "b");
    fs::remove(file_of(sample));
    fs::remove(root.path() / upload_mark_key(sample.hash()).str());
    EXPECT_EQ(told(check(look())), "narinfo_without_file 1/0, ");
    EXPECT_EQ(mend(), "narinfo_without_file 1/1, ");
    EXPECT_EQ(read(narinfo_key(sample.hash())), sample.text());
    EXPECT_TRUE(run(UploadMarks(store).has(sample.info)).value());
  }
}

TEST_F(FsckTest, AnUploadWhoseMarkIsGoneGetsItFromItsRow) {
  auto sample = keep_upload("a");
  fs::remove(root.path() / upload_mark_key(sample.hash()).str());
  EXPECT_EQ(mend(mending(read_all())), "narinfo_not_trusted 1/1, ");
  EXPECT_TRUE(run(UploadMarks(store).has(sample.info)).value());
}

TEST_F(FsckTest, AnUploadWhoseNarIsDamagedIsNotPromisedAnyMore) {
  auto bad = keep_upload("bad", 50'000), good = keep_upload("good", 50'000);
  flip(bad);
  EXPECT_EQ(told(check(read_all())), "nar_corrupt 1/0, ");
  EXPECT_EQ(mend(mending(read_all())), "nar_corrupt 1/1, ");
  expect_withdrawn(bad);
  EXPECT_TRUE(find(good).value());
}

TEST_F(FsckTest, AnUploadWhoseNarIsGoneIsNotPromisedAnyMore) {
  auto gone = keep_upload("gone"), long_ago = keep_upload("long-ago");
  for (const auto& sample : {gone, long_ago}) fs::remove(root.path() / nar_key(sample.url()).str());
  ASSERT_TRUE(run(inventory->mark_gone(long_ago.url())));  // when somebody wanted it
  EXPECT_EQ(told(check(look())), "nar_absent 2/0, ");
  EXPECT_EQ(mend(), "nar_absent 2/2, ");
  for (const auto& sample : {gone, long_ago}) expect_withdrawn(sample);
}

// All rows were lost once: nobody knows from where it came, but that no client sent it.
TEST_F(FsckTest, WhatNoClientSentStaysTheWayToFetchItsNar) {
  auto sample = keep("a");
  auto upload = keep_upload("b");
  auto nar = upload.row("");
  ASSERT_TRUE(run(real_catalog->put_narinfo(
      {.hash = sample.hash(), .text = sample.text(), .upstream = "", .nar_url = nar.url}, nar)));
  fs::remove(root.path() / nar_key(upload.url()).str());
  EXPECT_EQ(told(check(mending())), "nar_absent 1/1, ");
  EXPECT_FALSE(kept(upload));
  EXPECT_TRUE(lies(narinfo_key(sample.hash())));
  EXPECT_TRUE(entry(upload.url()));
  EXPECT_EQ(told(check(mending())), "");
}

TEST_F(FsckTest, AnUploadThatIsHalfWithdrawnIsWithdrawnTheNextTime) {
  bool fired = true;
  int failed = 0;
  for (int n = 1; fired; ++n) {
    auto sample = keep_upload("a", 20'000);
    flip(sample);
    faults.fail_nth(n);
    static_cast<void>(try_fsck(mending(read_all())));
    fired = faults.fired();
    failed += fired ? 1 : 0;
    faults.heal();
    check(mending(read_all()));
    expect_withdrawn(sample);
    EXPECT_EQ(told(check(mending(read_all()))), "") << n;
  }
  EXPECT_GT(failed, 5);
}

// The keys may come back tomorrow.
TEST_F(FsckTest, WhatTheKeysOfTodayDoNotVouchForIsSaidAndStays) {
  auto sample = keep("a");
  live_trust.replace({.upstream_keys = {own_key.public_key()}, .signing_keys = {}});
  auto before = tree();
  EXPECT_EQ(told(check(mending(read_all()))), "narinfo_not_trusted 1/0, ");
  EXPECT_EQ(tree(), before);
  EXPECT_TRUE(run(real_catalog->find_narinfo(sample.hash())).value());
}

// A removal that was killed after its first steps: the row is left, and served.
TEST_F(FsckTest, AnUploadOfWhichOnlyTheRowIsLeftGetsItsFileAndItsMark) {
  auto sample = make_sample("sent");
  auto nar = sample.row("");
  write(nar_key(sample.url()), sample.file);
  ASSERT_TRUE(run(real_catalog->put_narinfo({.hash = sample.hash(),
                                             .text = sample.text(),
                                             .upstream = "",
                                             .nar_url = nar.url,
                                             .uploaded = true},
                                            nar)));
  ASSERT_TRUE(run(real_catalog->mark_stored(sample.url(), sample.file.size())));
  EXPECT_EQ(told(check(look())), "narinfo_without_file 1/0, ");
  EXPECT_EQ(mend(), "narinfo_without_file 1/1, ");
  EXPECT_EQ(read(narinfo_key(sample.hash())), sample.text());
  EXPECT_TRUE(run(UploadMarks(store).has(sample.info)).value());
}

TEST_F(FsckTest, ARowOfTheGoProgramThatLeadsNowhereGoesIfThereIsNoFile) {
  auto sample = signed_sample("a");
  auto sql = db::make_sqlite_dialect(url, {})->connect();
  std::string hash(sample.hash().str()), other(signed_sample("b").hash().str());
  *sql << "INSERT INTO narinfos (hash) VALUES (:h)", soci::use(hash);
  *sql << "INSERT INTO narinfos (hash) VALUES (:h)", soci::use(other);
  *sql << "INSERT INTO narinfos (hash) VALUES ('no hash at all')";
  write(narinfo_key(sample.hash()), sample.text());
  EXPECT_EQ(mend(), "narinfo_without_file 2/2, narinfo_without_row 1/1, ");
  EXPECT_TRUE(run(real_catalog->find_narinfo(sample.hash())).value());
  EXPECT_FALSE(run(inventory->find_narinfo(other)).value());
}

TEST_F(FsckTest, AllRowsAreMadeAnewFromTheStore) {
  std::vector<Sample> samples;
  for (int i = 0; i < 30; ++i) samples.push_back(keep("path-" + std::to_string(i), 3'000));
  auto plain = plain_sample("plain", 3'000);  // that the Go program has left
  plain.info.url = "nar/" + plain.info.nar_hash.nix32() + ".nar";
  plain.sign(upstream_key);
  write(narinfo_key(plain.hash()), plain.text());
  write(nar_key(plain.url()), plain.file);
  samples.push_back(plain);
  auto sql = db::make_sqlite_dialect(url, {})->connect();
  *sql << "DELETE FROM narinfos";
  *sql << "DELETE FROM nar_urls";
  EXPECT_EQ(told(check(look())), "narinfo_without_row 31/0, nar_without_row 31/0, ");
  EXPECT_EQ(mend(), "narinfo_without_row 31/31, ");
  for (const auto& sample : samples) {  // there is no upstream
    EXPECT_EQ(found(sample).url, sample.info.url);
    EXPECT_EQ(run(get(sample.url())).value().bytes, sample.file);
    EXPECT_EQ(entry(sample.url())->row.stored_size, sample.file.size());
  }
}

TEST_F(FsckTest, StrangeFilesAreCountedAndLeft) {
  write(storage::BlobKey::parse("store/nar/x/notes.txt").value(), "x");
  write(storage::BlobKey::parse("store/nar/a/ab/cd.nar").value(), "x");
  auto summary = check(mending());
  EXPECT_EQ(told(summary), "");
  EXPECT_EQ(summary.strange, 2u);
}

TEST_F(FsckTest, WhatADeadProcessLeftIsSaid) {
  std::ofstream(root.path() / "store/tmp/left") << "x";
  EXPECT_EQ(told(check(look())), "leftover 1/0, ");
}

// "Could not find out" never removes: each call fails in its turn.
TEST_F(FsckTest, WhateverCannotBeReadNothingGoodIsRemoved) {
  auto good = keep("good", 20'000), also = keep("also", 20'000);
  auto gone = keep("gone"), flipped = keep("flipped", 20'000), no_row = keep("no-row");
  fs::remove(root.path() / nar_key(gone.url()).str());
  flip(flipped);
  ASSERT_TRUE(run(inventory->remove_narinfo(std::string(no_row.hash().str()), no_row.text())));
  int failed = 0;
  for (int n = 1;; ++n) {
    faults.fail_nth(n);
    auto summary = try_fsck(mending(read_all()));
    if (!faults.fired()) break;
    ++failed;
    for (const auto& sample : {good, also, no_row}) {
      EXPECT_TRUE(lies(nar_key(sample.url()))) << n;
      EXPECT_TRUE(lies(narinfo_key(sample.hash()))) << n;
      EXPECT_TRUE(entry(sample.url())->row.stored_size) << n;
    }
    if (summary) EXPECT_GT(summary->unchecked + summary->found(), 0u) << n;
  }
  EXPECT_GT(failed, 10);
  faults.heal();
  EXPECT_EQ(told(check(mending(read_all()))), "");
  EXPECT_FALSE(entry(gone.url())->row.stored_size);
  EXPECT_FALSE(lies(nar_key(flipped.url())));
}

// A server is at work meanwhile: what it keeps is no flaw, and stays.
TEST_F(FsckTest, BesideAServerThatFetchesNothingIsTakenForAFlaw) {
  auto& upstream = add_upstream("https://u.example");
  std::vector<Sample> samples;
  for (int i = 0; i < 40; ++i) {
    samples.push_back(signed_sample("fetched-" + std::to_string(i), 5'000));
    offer(upstream, samples.back());
    upstream.nar(samples.back().info.url, {.bytes = samples.back().file});
  }
  auto fetching = std::async(std::launch::async, [&] {
    for (const auto& sample : samples) {
      EXPECT_TRUE(find(sample).value());
      EXPECT_TRUE(run(get(sample.url())));
    }
  });
  auto options = mending(read_all());
  // More than a slow disk takes from a file to its row.
  options.settling = std::chrono::seconds(5);
  while (fetching.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    EXPECT_EQ(told(check(options)), "");
  fetching.get();
  settle();
  EXPECT_EQ(told(check(options)), "");
  for (const auto& sample : samples) EXPECT_TRUE(entry(sample.url())->row.stored_size);
}

}  // namespace
}  // namespace ncps::cache
