// How one download fetches: where it resumes, whom it asks, and what its end is called.
#include "cache/download.h"

#include "cache/testing/cache_fixture.h"
#include "cache/testing/turns.h"

namespace ncps::cache {
namespace {

using upstream::FakeNar;
using upstream::FakeUpstream;

struct Download : CacheFixture {
  Sample sample = make_sample("hello-1.0", 200'000);
  std::string url = sample.info.url;

  FakeNar whole() { return {.bytes = sample.file}; }
  FakeNar cut(std::uint64_t at) { return {.bytes = sample.file, .breaks_at = at}; }
  FakeNar error(std::string what) {
    return {.refuses = Error(ErrorKind::upstream, std::move(what))};
  }

  std::optional<Error> download() {
    auto result = outcome(downloads->join(job(sample)));
    settle();
    return result;
  }
  void expect_whole() {
    ASSERT_TRUE(at_rest(sample.url()));
    auto got = run(get(sample.url())).value();
    EXPECT_FALSE(got.error);
    EXPECT_TRUE(got.bytes == sample.file);
    EXPECT_TRUE(nothing_temporary());
  }
  static std::vector<std::uint64_t> first_bytes(const FakeUpstream& upstream) {
    std::vector<std::uint64_t> all;
    for (const auto& call : upstream.calls()) all.push_back(call.first_byte);
    return all;
  }
  using Bytes = std::vector<std::uint64_t>;
};

TEST_F(Download, StoresWhatWasAnnouncedAndTellsTheCatalog) {
  auto& a = add_upstream("a");
  a.nar(url, whole());
  auto row = sample.row("a");
  ASSERT_TRUE(run(catalog.put_narinfo(
      {.hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = row.url}, row)));
  EXPECT_FALSE(download());
  expect_whole();
  EXPECT_EQ(run(catalog.find_nar(row.url)).value()->stored_size, sample.file.size());
  EXPECT_EQ(a.asked(), 1u);
}

// A few thousand bytes: without turns all of it would come out in one.
TEST_F(Download, ABombLetsOthersHaveTheirTurnsOfThePool) {
  Pool one(1);
  Turns turns(one);
  auto nar = nix::nar_of(std::string(96 << 20, '\0'));
  sample.file = codec::compress(nix::Compression::zstd, nar);
  sample.info.url = url = "nar/zeros.nar.zst";
  sample.info.compression = nix::Compression::zstd;
  sample.info.file_hash = nix::Hash(crypto::sha256(sample.file));
  sample.info.file_size = sample.file.size();
  sample.info.nar_hash = nix::Hash(crypto::sha256(nar));
  sample.info.nar_size = nar.size();
  add_upstream("a").nar(url, whole());
  Downloads own(runtime,
                {.store = store, .catalog = catalog, .disk = disk, .cpu = one, .policy = {}}, {});
  EXPECT_FALSE(outcome(own.join(job(sample))));
  EXPECT_TRUE(own.stop(Deadline::after(std::chrono::seconds(60))));
  EXPECT_GE(turns.stop(), 6);
}

TEST_F(Download, ResumesAtTheByteWhereItBroke) {
  auto& a = add_upstream("a");
  a.nar(url, {cut(1), cut(70'000), cut(70'001), cut(150'000), whole()});
  EXPECT_FALSE(download());
  EXPECT_EQ(first_bytes(a), (Bytes{0, 1, 70'000, 70'001, 150'000}));
  expect_whole();
}

TEST_F(Download, ABodyThatBreaksBehindItsLastByteIsWhole) {
  auto& a = add_upstream("a");
  a.nar(url, cut(sample.file.size()));
  EXPECT_FALSE(download());
  EXPECT_EQ(a.asked(), 1u);
  expect_whole();
}

TEST_F(Download, ABodyThatEndsEarlyWithoutAnErrorIsResumedToo) {
  auto& a = add_upstream("a");
  a.nar(url, {{.bytes = sample.file.substr(0, 100'000), .total = sample.file.size()}, whole()});
  EXPECT_FALSE(download());
  EXPECT_EQ(first_bytes(a), (Bytes{0, 100'000}));
  expect_whole();
}

TEST_F(Download, SkipsWhatItHasIfARangeIsIgnored) {
  auto& a = add_upstream("a");
  for (std::uint64_t at : {1ULL, 16'384ULL, 100'001ULL}) {
    SCOPED_TRACE(at);
    sample = make_sample("ignored-" + std::to_string(at), 200'000);
    url = sample.info.url;
    auto again = whole();
    again.ranges = false;
    auto breaks_earlier = again;  // within what we have already
    breaks_earlier.breaks_at = at / 2;
    a.nar(url, {cut(at), breaks_earlier, again});
    EXPECT_FALSE(download());
    expect_whole();
  }
}

TEST_F(Download, GoesOnAtAnotherUpstream) {
  auto& a = add_upstream("a");
  auto& b = add_upstream("b");
  a.nar(url, cut(90'000));  // always there
  b.nar(url, whole());
  EXPECT_FALSE(download());
  EXPECT_EQ(first_bytes(a), Bytes{0});
  EXPECT_EQ(first_bytes(b), Bytes{90'000});
  expect_whole();
}

TEST_F(Download, ASourceWithoutTheFileIsNotAskedAgain) {
  auto& a = add_upstream("a");
  auto& b = add_upstream("b");
  b.nar(url, {cut(1'000), cut(2'000), cut(3'000), whole()});
  EXPECT_FALSE(download());
  EXPECT_EQ(a.asked(), 1u);
  EXPECT_EQ(first_bytes(b), (Bytes{0, 1'000, 2'000, 3'000}));
  expect_whole();
}

TEST_F(Download, NotFoundMeansThatEverySourceSaidSo) {
  add_upstream("a");
  add_upstream("b");
  EXPECT_EQ(download().value().kind(), ErrorKind::not_found);
  expect_nothing_kept();
}

TEST_F(Download, OneSourceThatFailedMakesItThatError) {
  for (int failing = 0; failing < 3; ++failing) {
    upstreams.replace({});
    for (int i = 0; i < 3; ++i) {
      auto& one = add_upstream("u" + std::to_string(i));
      if (i == failing) one.nar(url, error("down"));
    }
    auto result = download();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->kind(), ErrorKind::upstream) << failing;
    EXPECT_EQ(result->what(), "down");
  }
  expect_nothing_kept();
}

TEST_F(Download, BeforeTheFirstByteEachSourceIsAskedOnce) {
  // Each asking may take 20 s: a second round would keep clients waiting for nothing.
  for (int pattern = 0; pattern < 8; ++pattern) {
    upstreams.replace({});
    std::vector<FakeUpstream*> all;
    for (int i = 0; i < 3; ++i) {
      all.push_back(&add_upstream("u" + std::to_string(i)));
      if (pattern & (1 << i)) all.back()->nar(url, error("down"));
    }
    auto result = download();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->kind(), pattern == 0 ? ErrorKind::not_found : ErrorKind::upstream);
    for (auto* one : all) EXPECT_EQ(one->asked(), 1u) << "pattern " << pattern << one->name();
  }
}

TEST_F(Download, AFileOfAnotherSizeIsLeftForAnotherSource) {
  auto& a = add_upstream("a");
  auto& b = add_upstream("b");
  a.nar(url, {.bytes = sample.file + "x"});
  b.nar(url, whole());
  EXPECT_FALSE(download());
  EXPECT_EQ(a.asked(), 1u);
  expect_whole();
}

TEST_F(Download, WrongSizesEverywhereAreNotAbsence) {
  auto& a = add_upstream("a");
  add_upstream("b");
  a.nar(url, {.bytes = "short"});
  EXPECT_EQ(download().value().kind(), ErrorKind::corrupt);
  expect_nothing_kept();
}

TEST_F(Download, MoreBytesThanAnnouncedAreCorrupt) {
  auto& a = add_upstream("a");
  a.nar(url, {.bytes = sample.file + std::string(10'000, 'x'), .total = sample.file.size()});
  EXPECT_EQ(download().value().kind(), ErrorKind::corrupt);
  expect_nothing_kept();
}

TEST_F(Download, WithoutAnyAnnouncedSizeTheHashDecides) {
  auto& a = add_upstream("a");
  sample.info.file_hash.reset();
  sample.info.file_size.reset();
  a.nar(url, {.bytes = sample.file, .says_total = false});
  EXPECT_FALSE(download());
  expect_whole();
}

TEST_F(Download, WithoutAnyAnnouncedSizeATruncatedFileIsCorrupt) {
  auto& a = add_upstream("a");
  sample.info.file_hash.reset();
  sample.info.file_size.reset();
  a.nar(url, {.bytes = sample.file.substr(0, 150'000), .says_total = false});
  EXPECT_EQ(download().value().kind(), ErrorKind::corrupt);
  expect_nothing_kept();
}

TEST_F(Download, ASourceThatAlwaysBreaksAtTheSameByteIsGivenUp) {
  auto& a = add_upstream("a");
  a.nar(url, cut(50'000));
  auto result = download();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->kind(), ErrorKind::upstream);
  EXPECT_EQ(a.asked(), quick_policy().most_failures);
  expect_nothing_kept();
}

TEST_F(Download, ProgressIsForgivenAnyNumberOfBreaks) {
  auto& a = add_upstream("a");
  sample = make_sample("large", 2'000'000);
  url = sample.info.url;
  std::vector<FakeNar> answers;
  for (std::uint64_t at = 70'000; at < sample.file.size(); at += 70'000) answers.push_back(cut(at));
  ASSERT_GT(answers.size(), 2 * quick_policy().most_failures);
  answers.push_back(whole());
  a.nar(url, answers);
  EXPECT_FALSE(download());
  EXPECT_EQ(a.asked(), answers.size());
  expect_whole();
}

TEST_F(Download, AnUnreadableCompressionFetchesNothingToTheEnd) {
  auto& a = add_upstream("a");
  sample = make_sample("lzop", 5'000'000, nix::Compression::none);
  url = sample.info.url;
  auto gate = std::make_shared<testing::Gate>();
  FakeNar slow = whole();
  slow.gate = gate;
  slow.gate_at = 100'000;
  a.nar(url, slow);
  auto j = job(sample);
  j.expected.compression = nix::Compression::lzop;
  auto result = outcome(downloads->join(std::move(j)));
  settle();  // hangs if it goes on to the gate, which nobody opens
  ASSERT_TRUE(result);
  EXPECT_EQ(gate->come(), 0);
  expect_nothing_kept();
}

TEST_F(Download, AFullDiskIsNotTheUpstreamsFault) {
  auto& a = add_upstream("a");
  a.nar(url, whole());
  faults.fail_always("append");
  EXPECT_EQ(download().value().kind(), ErrorKind::unavailable);
  EXPECT_EQ(a.asked(), 1u);  // and not again and again
  expect_nothing_kept();
  faults.heal();
  EXPECT_FALSE(download());
  expect_whole();
}

TEST_F(Download, ABugInTheMiddleIsAnInternalErrorAndTheNextTrySucceeds) {
  auto& a = add_upstream("a");
  auto buggy = whole();
  buggy.gate = std::make_shared<testing::Gate>();
  buggy.gate->open();
  buggy.gate_at = 20'000;
  buggy.throws = true;
  a.nar(url, {buggy, whole()});
  EXPECT_EQ(download().value().kind(), ErrorKind::internal);
  expect_nothing_kept();
  EXPECT_FALSE(download());
  expect_whole();
}

TEST(JobFor, AsksItsOwnUpstreamFirstAndTheOthersUnderTheSamePath) {
  upstream::UpstreamList set;
  for (auto name : {"a", "b", "c"}) set.push_back(std::make_shared<FakeUpstream>(name));
  auto sample = make_sample("x", 10);
  auto order = [&](const db::NarRow& row) {
    std::string names;
    for (const auto& source : job_for(row, set).sources) {
      EXPECT_EQ(source.url, row.upstream_url);
      names += source.upstream->name();
    }
    return names;
  };
  auto row = sample.row("b");
  EXPECT_EQ(order(row), "bac");
  row.upstream = "gone";
  EXPECT_EQ(order(row), "abc");
  row.upstream_url = "https://elsewhere.example/x.nar.xz";
  EXPECT_EQ(order(row), "a");
  row.upstream = "c";
  EXPECT_EQ(order(row), "c");
}

TEST(JobFor, AsksThoseInGoodStandingFirstAndTheRefusedNever) {
  upstream::UpstreamList set;
  std::vector<FakeUpstream*> fakes;
  for (auto name : {"a", "b", "c"}) {
    auto fake = std::make_shared<FakeUpstream>(name);
    fakes.push_back(fake.get());
    set.push_back(std::move(fake));
  }
  auto sample = make_sample("x", 10);
  auto names = [](const DownloadJob& job) {
    std::string all;
    for (const auto& source : job.sources) all += source.upstream->name();
    return all;
  };
  auto row = sample.row("a");
  fakes[0]->stands(upstream::Standing::doubtful);
  EXPECT_EQ(names(job_for(row, set)), "bca");
  EXPECT_EQ(names(job_for_unknown(sample.url(), set).value()), "bca");
  fakes[1]->stands(upstream::Standing::trying);
  EXPECT_EQ(names(job_for(row, set)), "cab");
  for (auto* fake : fakes) fake->stands(upstream::Standing::refused);
  EXPECT_EQ(names(job_for(row, set)), "");
  row.upstream_url = "https://elsewhere.example/x.nar.xz";
  EXPECT_EQ(names(job_for(row, set)), "");
  EXPECT_EQ(names(job_for_unknown(sample.url(), set).value()), "");
}

TEST(JobFor, AnUnknownNameMustBeAHash) {
  upstream::UpstreamList set;
  set.push_back(std::make_shared<FakeUpstream>("a"));
  auto sample = make_sample("x", 10);
  auto good = job_for_unknown(sample.url(), set);
  ASSERT_TRUE(good);
  EXPECT_EQ(good->expected.either_hash, sample.info.file_hash);
  EXPECT_EQ(good->expected.compression, nix::Compression::xz);
  EXPECT_EQ(good->sources.size(), 1u);
  auto bad = job_for_unknown(nix::NarUrl::parse("nar/some-name.nar.xz").value(), set);
  EXPECT_EQ(bad.error().kind(), ErrorKind::not_found);
}

}  // namespace
}  // namespace ncps::cache
