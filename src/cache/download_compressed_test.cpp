// NARs that an upstream has without compression, and that are compressed on their way into the
// store.
#include "cache/testing/cache_fixture.h"
#include "cache/testing/plain_sample.h"

namespace ncps::cache {
namespace {

using upstream::FakeNar;
using upstream::FakeUpstream;

struct DownloadCompressed : CacheFixture {
  Sample sample = plain_sample("hello-1.0");
  db::NarRow row = plain_row(sample, "a");
  FakeUpstream& a = add_upstream("a");
  FakeUpstream& b = add_upstream("b");

  // On the way encoded, the length of the whole is not told.
  FakeNar whole() { return {.bytes = sample.nar, .says_total = false}; }
  FakeNar cut(std::uint64_t at) {
    return {.bytes = sample.nar, .says_total = false, .breaks_at = at};
  }
  void offer(FakeUpstream& at, std::vector<FakeNar> answers) {
    at.nar(sample.info.url, std::move(answers));
  }
  void announce() {
    ASSERT_TRUE(run(real_catalog->put_narinfo(
        {.hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = row.url}, row)));
  }
  std::optional<Error> download() {
    auto result = outcome(downloads->join(job_for(row, *upstreams.now())));
    settle();
    return result;
  }
  void expect_whole() {
    ASSERT_TRUE(at_rest(row.url));
    auto got = run(get(row.url)).value();
    EXPECT_FALSE(got.error);
    EXPECT_TRUE(unzstd(got.bytes) == sample.nar);
    EXPECT_LT(got.bytes.size(), sample.nar.size());
    EXPECT_TRUE(nothing_temporary());
  }
  static Deadline minute() { return Deadline::after(std::chrono::minutes(1)); }
};

TEST_F(DownloadCompressed, TheJobAsksForTheNarAndExpectsZstd) {
  row.file_hash = make_sample("x", 10).info.file_hash;  // of the upstream's file, not of ours
  row.file_size = 10;
  auto job = job_for(row, *upstreams.now());
  EXPECT_EQ(job.intake, Intake::compressed);
  EXPECT_EQ(job.expected.compression, nix::Compression::zstd);
  EXPECT_EQ(job.expected.nar_hash, sample.info.nar_hash);
  EXPECT_FALSE(job.expected.file_hash || job.expected.file_size);
  EXPECT_EQ(job.upstreams_size(), sample.nar.size());
  row.url =
      nix::NarUrl::parse("nar/x.nar").value();  // another announced URL names the NAR as it is
  job = job_for(row, *upstreams.now());
  EXPECT_EQ(job.intake, Intake::as_it_is);
  EXPECT_EQ(job.expected.compression, nix::Compression::none);
  EXPECT_EQ(job.upstreams_size(), 10u);
}

TEST_F(DownloadCompressed, IsStoredOnceAsZstdAndTheCatalogIsTold) {
  announce();
  offer(a, {whole()});
  EXPECT_FALSE(download());
  expect_whole();
  EXPECT_EQ(a.asked(), 1u);
  EXPECT_EQ(a.calls().front().decode, fetch::Decode::yes);
  auto stored = run(catalog.find_nar(row.url)).value().value();
  EXPECT_EQ(stored.stored_size, std::filesystem::file_size(root.path() / nar_key(row.url).str()));
  EXPECT_EQ(stored.compression, nix::Compression::none);  // of the upstream's file
}

TEST_F(DownloadCompressed, ABreakIsResumedAtItsPlaceInTheNarByWhoeverHasIt) {
  for (std::uint64_t at : {1ULL, 16'384ULL, 131'072ULL, 200'001ULL}) {
    for (bool ranges : {true, false}) {
      SCOPED_TRACE(std::to_string(at) + (ranges ? "" : ", no ranges"));
      upstreams.replace({});
      auto &one = add_upstream("a"), &other = add_upstream("b");
      sample = plain_sample("break-" + std::to_string(at) + (ranges ? "r" : "n"));
      row = plain_row(sample, "a");
      offer(one, {cut(at)});
      auto rest = whole();
      rest.ranges = ranges;
      offer(other, {rest});
      EXPECT_FALSE(download());
      expect_whole();
      ASSERT_EQ(other.asked(), 1u);
      EXPECT_EQ(other.calls().front().first_byte, at);
      EXPECT_EQ(other.calls().front().decode, fetch::Decode::no);
    }
  }
}

TEST_F(DownloadCompressed, ABodyThatEndsEarlyWithoutAnErrorIsResumedToo) {
  offer(a, {{.bytes = sample.nar.substr(0, 100'000), .says_total = false}, whole()});
  EXPECT_FALSE(download());
  EXPECT_EQ(b.calls().front().first_byte, 100'000u);  // b was next, and has none
  EXPECT_EQ(a.calls().back().first_byte, 100'000u);
  expect_whole();
}

TEST_F(DownloadCompressed, AnEndlessBodyEndsAtItsNarSize) {
  auto gate = std::make_shared<testing::Gate>();  // nobody opens it
  offer(a, {{.bytes = sample.nar + std::string(1'000'000, 'x'),
             .says_total = false,
             .gate = gate,
             .gate_at = sample.nar.size() + 100'000}});
  EXPECT_EQ(download().value().kind(), ErrorKind::corrupt);
  EXPECT_EQ(gate->come(), 0);
  expect_nothing_kept();
}

TEST_F(DownloadCompressed, AFileOfAnotherSizeIsLeftForAnotherSource) {
  offer(a, {{.bytes = sample.nar + "x"}});
  offer(b, {{.bytes = sample.nar}});
  EXPECT_FALSE(download());
  expect_whole();
}

TEST_F(DownloadCompressed, AWrongNarFailsBeforeItsEndAndTheNextOneIsAskedOfAnother) {
  announce();
  offer(b, {whole()});
  for (std::size_t at : {std::size_t{0}, std::size_t{150'000}, sample.nar.size() - 1}) {
    SCOPED_TRACE(at);
    auto wrong = sample.nar;
    wrong[at] = static_cast<char>(wrong[at] ^ 1);
    offer(a, {{.bytes = wrong, .says_total = false}});
    auto spool = downloads->join(job_for(row, *upstreams.now()));
    auto started = run(spool->started(minute()));
    if (started) {
      auto got = run(testing::drain(Spool::read(spool, 0, {}, Tail::held))).value();
      ASSERT_TRUE(got.error);
      EXPECT_EQ(got.error->kind(), ErrorKind::corrupt);
      EXPECT_TRUE(unzstd(got.bytes).empty());  // no whole stream
    }
    spool.reset();
    while (downloads->find(row.url)) std::this_thread::yield();
    EXPECT_FALSE(at_rest(row.url));
    auto again = run(get(row.url)).value();
    EXPECT_FALSE(again.error);
    EXPECT_TRUE(unzstd(again.bytes) == sample.nar);
    settle();
    ASSERT_TRUE(run(store.remove(nar_key(row.url))));
  }
}

TEST_F(DownloadCompressed, AFullDiskIsNotTheUpstreamsFault) {
  offer(a, {whole()});
  faults.fail_always("append");
  EXPECT_EQ(download().value().kind(), ErrorKind::unavailable);
  EXPECT_EQ(a.asked(), 1u);
  expect_nothing_kept();
  faults.heal();
  EXPECT_FALSE(download());
  expect_whole();
}

TEST_F(DownloadCompressed, AHundredClientsGetTheSameBytesWhileItGrows) {
  announce();
  sample = plain_sample("large", 4'000'000);
  row = plain_row(sample, "a");
  announce();
  auto gate = std::make_shared<testing::Gate>();
  auto slow = whole();
  slow.gate = gate;
  slow.gate_at = 1'000'000;
  offer(a, {slow});
  std::vector<std::future<Result<testing::Drained>>> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(get_meanwhile(row.url));
  ASSERT_TRUE(gate->wait_for(1));
  auto nar = run(nars->open(row.url, minute())).value();
  EXPECT_EQ(nar.size(), std::nullopt);
  EXPECT_EQ(nar.how(), "inflight");
  auto source = nar.read(0, {});
  std::string begun;
  while (begun.size() < 200'000) {  // hangs if anything of it waits for the rest
    auto piece = run(source->next());
    ASSERT_TRUE(piece);
    begun += testing::bytes_of(*piece).value();
  }
  gate->open();
  auto bytes = begun + run(testing::drain(std::move(source))).value().bytes;
  EXPECT_TRUE(unzstd(bytes) == sample.nar);
  for (auto& client : clients) {
    auto got = client.get().value();
    EXPECT_FALSE(got.error);
    EXPECT_TRUE(got.bytes == bytes);
  }
  settle();
  EXPECT_EQ(a.asked(), 1u);
  EXPECT_TRUE(run(get(row.url)).value().bytes == bytes);
}

TEST_F(DownloadCompressed, AnEmptyishNarOfOneBlockComesWhole) {
  sample = plain_sample("tiny", 1);
  row = plain_row(sample, "a");
  offer(a, {whole()});
  EXPECT_FALSE(download());
  ASSERT_TRUE(at_rest(row.url));
  EXPECT_TRUE(unzstd(run(get(row.url)).value().bytes) == sample.nar);
}

TEST_F(DownloadCompressed, WhetherItCanBeHadIsToldWithoutALengthUntilItIsAtRest) {
  announce();
  offer(a, {{.bytes = sample.nar}});
  EXPECT_EQ(run(nars->size_of(row.url, minute())).value(), std::nullopt);
  auto gate = std::make_shared<testing::Gate>();
  auto slow = whole();
  slow.gate = gate;
  slow.gate_at = 100'000;
  offer(a, {slow});
  auto nar = run(nars->open(row.url, minute())).value();
  // Does not wait for the end, which would be long.
  EXPECT_EQ(run(nars->size_of(row.url, minute())).value(), std::nullopt);
  gate->open();
  settle();
  EXPECT_EQ(run(nars->size_of(row.url, minute())).value(),
            std::filesystem::file_size(root.path() / nar_key(row.url).str()));
  a.no_nar(sample.info.url);
  ASSERT_TRUE(run(store.remove(nar_key(row.url))));
  EXPECT_EQ(failure_of(run(nars->size_of(row.url, minute()))), ErrorKind::not_found);
}

}  // namespace
}  // namespace ncps::cache
