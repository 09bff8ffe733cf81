// What was used gets to the catalog, in batches, whatever happens to the database meanwhile.
#include "cache/use_log.h"

#include "cache/testing/cache_fixture.h"

namespace ncps::cache {
namespace {

struct UseLogTest : CacheFixture {
  static constexpr std::chrono::sys_seconds kLongAgo =
      std::chrono::sys_days(std::chrono::January / 1 / 2020);
  // A NAR at rest that was used before all that this test does.
  Sample stored(const std::string& name) {
    auto sample = make_sample(name, 100);
    EXPECT_TRUE(run(real_catalog->put_narinfo(
        {.hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = sample.url()},
        sample.row("a"))));
    EXPECT_TRUE(run(real_catalog->mark_stored(sample.url(), 1)));
    EXPECT_TRUE(run(real_catalog->note_uses({.narinfos = {}, .nars = {sample.url()}}, kLongAgo)));
    return sample;
  }
  bool last_is(const Sample& sample) {
    auto nars = run(database.eviction->nars({}, 10, {})).value();
    return nars.size() == 3 && nars.back().url == sample.url();
  }

  db::Database database =
      db::open_database(
          {.kind = db::DatabaseKind::sqlite, .sqlite_path = root.path() / "db.sqlite"}, {})
          .value();
  Sample one = stored("one"), two = stored("two"), three = stored("three");
  UseLog uses{runtime, catalog};
};

TEST_F(UseLogTest, AUsedNarInfoIsAUsedNar) {
  for (const auto* sample : {&one, &two, &three}) {
    for (const auto* other : {&one, &two, &three})
      ASSERT_TRUE(
          run(real_catalog->note_uses({.narinfos = {other->hash()}, .nars = {}}, kLongAgo)));
    uses.used(sample->hash());
    ASSERT_TRUE(run(uses.write()));
    EXPECT_TRUE(last_is(*sample));
  }
}

TEST_F(UseLogTest, WhatIsUsedOftenIsWrittenOnce) {
  for (int i = 0; i < 1'000; ++i) uses.used(one.url());
  faults.fail_nth(2);  // a second call would fail
  ASSERT_TRUE(run(uses.write()));
  ASSERT_TRUE(run(uses.write()));  // nothing new
  EXPECT_FALSE(faults.fired());
  EXPECT_TRUE(last_is(one));
}

TEST_F(UseLogTest, WhatCouldNotBeWrittenIsWrittenTheNextTime) {
  uses.used(two.url());
  faults.fail_nth(1);
  EXPECT_FALSE(run(uses.write()));
  ASSERT_TRUE(run(uses.write()));
  EXPECT_TRUE(last_is(two));
}

TEST_F(UseLogTest, MoreThanFitsAtOnceIsWrittenInBatches) {
  for (int i = 0; i < 10'000; ++i)
    uses.used(nix::NarUrl::parse("nar/" + std::to_string(i) + ".nar").value());
  uses.used(three.hash());
  ASSERT_TRUE(run(uses.write()));
  EXPECT_TRUE(last_is(three));
}

TEST_F(UseLogTest, StopWritesWhatIsLeft) {
  uses.start();
  uses.used(one.url());
  EXPECT_TRUE(uses.stop(Deadline::after(std::chrono::minutes(1))));
  EXPECT_TRUE(last_is(one));
}

}  // namespace
}  // namespace ncps::cache
