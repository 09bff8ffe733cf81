// What clients see of a download whose bytes are wrong, or that cannot be kept.
#include <thread>

#include "cache/testing/cache_fixture.h"

namespace ncps::cache {
namespace {

using upstream::FakeNar;

struct DownloadFaults : CacheFixture {
  Sample sample = make_sample("hello-1.0", 200'000);
  upstream::FakeUpstream& a = add_upstream("a");

  void SetUp() override {
    auto row = sample.row("a");
    ASSERT_TRUE(run(real_catalog->put_narinfo(
        {.hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = row.url}, row)));
    a.nar(sample.info.url, {.bytes = sample.file});
  }

  // Either all of it and an end, or an Error before the last byte.
  bool right_or_an_error(const Result<testing::Drained>& got) {
    if (!got) return false;
    if (!got->error) {
      EXPECT_TRUE(got->bytes == sample.file);
      return true;
    }
    EXPECT_LT(got->bytes.size(), sample.file.size());
    EXPECT_TRUE(sample.file.starts_with(got->bytes));
    return false;
  }

  // Waits until every place is free. False: one is not within a minute.
  bool none_runs() {
    for (auto deadline = Deadline::after(std::chrono::seconds(60)); !deadline.passed();) {
      if (downloads->load().running == 0) return true;
      std::this_thread::yield();
    }
    return false;
  }
};

TEST_F(DownloadFaults, CorruptBytesReachNobodyAsAnEndAndAreNotKept) {
  for (std::size_t at : {std::size_t{0}, std::size_t{5'000}, sample.file.size() / 2,
                         sample.file.size() - 6'000, sample.file.size() - 1}) {
    SCOPED_TRACE(at);
    auto wrong = sample.file;
    wrong[at] = static_cast<char>(wrong[at] ^ 1);
    std::vector<std::future<Result<testing::Drained>>> clients;
    auto gate = std::make_shared<testing::Gate>();
    a.nar(sample.info.url, std::vector<FakeNar>{{.bytes = wrong, .gate = gate, .gate_at = 1},
                                                {.bytes = sample.file}});
    auto spool = downloads->join(job(sample));
    ASSERT_TRUE(gate->wait_for(1));
    for (int i = 0; i < 4; ++i)
      clients.push_back(std::async(std::launch::async, [&] {
        return run(testing::drain(Spool::read(spool, 0, sample.file.size(), Tail::held)));
      }));
    gate->open();
    for (auto& client : clients) {
      auto got = client.get().value();
      ASSERT_TRUE(got.error);
      EXPECT_EQ(got.error->kind(), ErrorKind::corrupt);
      EXPECT_LT(got.bytes.size(), wrong.size());
    }
    spool.reset();
    settle();
    expect_nothing_kept();

    auto again = run(get(sample.url()));  // starts anew
    EXPECT_TRUE(right_or_an_error(again));
    settle();
    ASSERT_TRUE(at_rest(sample.url()));
    ASSERT_TRUE(run(store.remove(nar_key(sample.url()))));
  }
}

TEST_F(DownloadFaults, TheRequestAfterAFailureDoesNotGetTheOldFailure) {
  // The verifier knows at once that the bytes are wrong; the body that stalls is still being read.
  auto wrong = sample.file;
  wrong[0] = static_cast<char>(wrong[0] ^ 1);
  auto stalled = std::make_shared<testing::Gate>();
  a.nar(sample.info.url, std::vector<FakeNar>{{.bytes = wrong, .gate = stalled, .gate_at = 100},
                                              {.bytes = sample.file}});
  auto first = run(get(sample.url()));
  if (first) {
    ASSERT_TRUE(first->error);
    EXPECT_EQ(first->error->kind(), ErrorKind::corrupt);
  }
  auto second = run(get(sample.url()));
  EXPECT_TRUE(right_or_an_error(second)) << "the next request must start anew";
  stalled->open();
  settle();
  EXPECT_TRUE(at_rest(sample.url()));
  EXPECT_TRUE(nothing_temporary());
}

TEST_F(DownloadFaults, IfItCannotBeKeptClientsStillGetEverythingAndTheNextRequestFetchesAgain) {
  faults.fail_always("publish");
  for (std::size_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(right_or_an_error(run(get(sample.url()))));
    settle();
    EXPECT_EQ(a.asked(), i);
    expect_nothing_kept();
  }
  faults.heal();
  EXPECT_TRUE(right_or_an_error(run(get(sample.url()))));
  settle();
  EXPECT_TRUE(at_rest(sample.url()));
}

TEST_F(DownloadFaults, IfTheCatalogCannotNoteItItIsAtRestAllTheSame) {
  faults.fail_always("mark_stored");
  EXPECT_TRUE(right_or_an_error(run(get(sample.url()))));
  settle();
  faults.heal();
  EXPECT_TRUE(right_or_an_error(run(get(sample.url()))));
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(DownloadFaults, WhatTheCatalogCouldNotNoteItIsToldWhenItIsBack) {
  auto row = sample.row("a");
  ASSERT_TRUE(run(real_catalog->put_narinfo(
      {.hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = row.url}, row)));
  auto noted = [&] { return run(real_catalog->find_nar(row.url)).value()->stored_size; };
  faults.fail_always("mark_stored");
  EXPECT_FALSE(outcome(downloads->join(job(sample))));
  while (downloads->find(sample.url())) std::this_thread::yield();  // it ends after its bytes
  faults.heal();
  auto next = make_sample("next", 1'000);
  a.nar(next.info.url, {.bytes = next.file});
  EXPECT_EQ(noted(), std::nullopt);
  EXPECT_FALSE(outcome(downloads->join(job(next))));
  settle();
  EXPECT_EQ(noted(), sample.file.size());
}

TEST_F(DownloadFaults, WhatLiesThereUnnotedIsNotedByWhoFindsIt) {
  auto row = sample.row("a");
  ASSERT_TRUE(run(real_catalog->put_narinfo(
      {.hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = row.url}, row)));
  faults.fail_always("mark_stored");
  EXPECT_FALSE(outcome(downloads->join(job(sample))));
  settle();  // as after a kill: nobody remembers
  faults.heal();
  EXPECT_EQ(outcome(downloads->join(job(sample))).value().kind(), ErrorKind::conflict);
  EXPECT_EQ(run(real_catalog->find_nar(row.url)).value()->stored_size, sample.file.size());
}

TEST_F(DownloadFaults, WhatLiesThereNotedWasNotUsedByWhoFindsIt) {
  auto row = sample.row("a"), other = make_sample("other").row("a");
  for (const auto& one : {row, other})
    ASSERT_TRUE(run(real_catalog->put_narinfo(
        {.hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = one.url}, one)));
  EXPECT_FALSE(outcome(downloads->join(job(sample))));
  settle();
  ASSERT_TRUE(run(real_catalog->mark_stored(other.url, 1)));
  auto long_ago = std::chrono::sys_days(std::chrono::January / 1 / 2020);
  ASSERT_TRUE(run(real_catalog->note_uses({.narinfos = {}, .nars = {row.url}}, long_ago)));
  EXPECT_EQ(outcome(downloads->join(job(sample))).value().kind(), ErrorKind::conflict);
  auto database =
      db::open_database(
          {.kind = db::DatabaseKind::sqlite, .sqlite_path = root.path() / "db.sqlite"}, {})
          .value();
  EXPECT_EQ(run(database.eviction->nars({}, 1, {})).value().at(0).url, row.url);
}

TEST_F(DownloadFaults, WhateverStepFailsNothingIsHalfVisibleAndTheNextTrySucceeds) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    ASSERT_LT(n, 30);
    faults.fail_nth(n);
    auto got = run(get(sample.url()));
    settle();
    bool fired = faults.fired();
    faults.heal();
    bool right = right_or_an_error(got);
    if (!right) {
      EXPECT_TRUE(fired);
      auto error = got ? *got->error : got.error();
      EXPECT_EQ(error.kind(), ErrorKind::unavailable) << error.what();
    }
    got = fail(ErrorKind::internal, "");  // lets go of what it holds
    EXPECT_TRUE(nothing_temporary());
    if (at_rest(sample.url())) {
      EXPECT_EQ(std::filesystem::file_size(root.path() / nar_key(sample.url()).str()),
                sample.file.size());
    } else {
      EXPECT_EQ(files_in("store/nar"), 0u);
    }
    EXPECT_TRUE(right_or_an_error(run(get(sample.url()))));
    settle();
    if (!fired) break;
    ASSERT_TRUE(run(store.remove(nar_key(sample.url()))));
  }
}

// Of an earlier download the catalog has not been told, so that this one tells it, too: also what comes after
// the download's own end may throw.
TEST_F(DownloadFaults, WhateverStepThrowsNoPlaceIsLostAndTheNextTrySucceeds) {
  auto earlier = make_sample("earlier", 1'000);
  a.nar(earlier.info.url, {.bytes = earlier.file});
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    ASSERT_LT(n, 30);
    faults.heal();
    faults.fail_always("mark_stored");
    EXPECT_FALSE(outcome(downloads->join(job(earlier))));
    ASSERT_TRUE(none_runs());
    faults.throw_nth(n);
    static_cast<void>(outcome(downloads->join(job(sample))));
    EXPECT_TRUE(none_runs());
    bool fired = faults.fired();
    faults.heal();
    auto left = outcome(downloads->join(job(sample)));
    EXPECT_TRUE(!left || left->kind() == ErrorKind::conflict) << left->what();
    EXPECT_TRUE(none_runs());
    EXPECT_TRUE(at_rest(sample.url()));
    if (!fired) break;
    for (const auto& one : {earlier, sample}) ASSERT_TRUE(run(store.remove(nar_key(one.url()))));
  }
}

TEST_F(DownloadFaults, ARangeOfAWrongFileNeverEndsCleanly) {
  auto wrong = sample.file;
  wrong.back() = static_cast<char>(wrong.back() ^ 1);
  auto gate = std::make_shared<testing::Gate>();
  a.nar(sample.info.url, {.bytes = wrong, .gate = gate, .gate_at = 1'000});
  auto nar = run(nars->open(sample.url(), Deadline::after(std::chrono::minutes(1)))).value();
  gate->open();
  auto got = run(testing::drain(nar.read(10, 100))).value();
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->kind(), ErrorKind::corrupt);
}

}  // namespace
}  // namespace ncps::cache
