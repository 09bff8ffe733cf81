// NarService: one way to a NAR, wherever it is.
#include "cache/nar_service.h"

#include "cache/testing/cache_fixture.h"

namespace ncps::cache {
namespace {

using upstream::FakeNar;

struct NarServiceTest : CacheFixture {
  upstream::FakeUpstream& a = add_upstream("a");
  upstream::FakeUpstream& b = add_upstream("b");
  Sample sample = make_sample("hello-1.0", 100'000);

  void announce(const Sample& one) {
    auto row = one.row("a");
    ASSERT_TRUE(run(real_catalog->put_narinfo(
        {.hash = one.hash(), .text = one.text(), .upstream = "a", .nar_url = row.url}, row)));
  }
  static Deadline minute() { return Deadline::after(std::chrono::minutes(1)); }
};

TEST_F(NarServiceTest, SaysWhereItCameFrom) {
  announce(sample);
  auto gate = std::make_shared<testing::Gate>();
  a.nar(sample.info.url, {.bytes = sample.file, .gate = gate, .gate_at = 1});
  auto miss = run(nars->open(sample.url(), minute())).value();
  auto inflight = run(nars->open(sample.url(), minute())).value();
  EXPECT_EQ(miss.how(), "miss");
  EXPECT_EQ(inflight.how(), "inflight");
  EXPECT_EQ(miss.size(), sample.file.size());
  EXPECT_EQ(inflight.size(), sample.file.size());
  gate->open();
  EXPECT_TRUE(run(testing::drain(inflight.read(0, {}))).value().bytes == sample.file);
  EXPECT_TRUE(run(testing::drain(miss.read(7, 1'000))).value().bytes ==
              sample.file.substr(7, 1'000));
  settle();
  auto hit = run(nars->open(sample.url(), minute())).value();
  EXPECT_EQ(hit.how(), "hit");
  EXPECT_EQ(hit.size(), sample.file.size());
  EXPECT_TRUE(run(testing::drain(hit.read(99'000, {}))).value().bytes ==
              sample.file.substr(99'000));
  EXPECT_TRUE(run(testing::drain(hit.read(5, 10))).value().bytes == sample.file.substr(5, 10));
}

TEST_F(NarServiceTest, ASilentUpstreamLeavesTheNextOneTimeToTellTheSize) {
  announce(sample);
  a.nar(sample.info.url, {.refuses = Error(ErrorKind::timeout, "silent")});
  b.nar(sample.info.url, {.bytes = sample.file});
  EXPECT_EQ(run(nars->size_of(sample.url(), minute())).value(), sample.file.size());
  EXPECT_LE(a.calls().at(0).deadline.remaining(), kFirstByteTime);
}

TEST_F(NarServiceTest, TheSizeOfWhatIsOnItsWayIsKnownWithoutAskingAgain) {
  announce(sample);
  auto gate = std::make_shared<testing::Gate>();
  a.nar(sample.info.url, {.bytes = sample.file, .gate = gate, .gate_at = 1});
  auto miss = run(nars->open(sample.url(), minute())).value();
  EXPECT_EQ(run(nars->size_of(sample.url(), minute())).value(), sample.file.size());
  EXPECT_EQ(a.asked(), 1u);
  gate->open();
  settle();
}

TEST_F(NarServiceTest, WhenAllIsCutOffWhoWaitsGetsAnErrorAndNothingIsKept) {
  announce(sample);
  auto gate = std::make_shared<testing::Gate>();
  a.nar(sample.info.url, {.bytes = sample.file, .gate = gate, .gate_at = 1});
  auto miss = run(nars->open(sample.url(), minute())).value();
  auto far_ahead = miss.read(90'000, 10);
  downloads->cut_off();
  EXPECT_EQ(run(testing::drain(std::move(far_ahead))).value().error.value().kind(),
            ErrorKind::unavailable);
  EXPECT_EQ(failure_of(run(nars->open(sample.url(), minute()))), ErrorKind::unavailable);
  gate->open();
  settle();
}

TEST_F(NarServiceTest, AHitNeedsNeitherUpstreamNorDatabase) {
  announce(sample);
  a.nar(sample.info.url, {.bytes = sample.file});
  ASSERT_TRUE(run(get(sample.url())));
  settle();
  for (auto call : {"find_nar", "find_narinfo", "mark_stored"}) faults.fail_always(call);
  EXPECT_TRUE(run(get(sample.url())).value().bytes == sample.file);
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(NarServiceTest, WhatWeCannotLookUpIsUnavailableNotAbsent) {
  for (auto call : {"open", "find_nar"}) {
    faults.fail_always(call);
    EXPECT_EQ(failure_of(run(nars->open(sample.url(), minute()))), ErrorKind::unavailable);
    EXPECT_EQ(failure_of(run(nars->size_of(sample.url(), minute()))), ErrorKind::unavailable);
    faults.heal();
  }
  EXPECT_EQ(a.asked() + b.asked(), 0u);
}

TEST_F(NarServiceTest, AnUnknownNarIsTakenFromAnybodyIfItsNameIsItsHash) {
  b.nar(sample.info.url, {.bytes = sample.file});
  EXPECT_TRUE(run(get(sample.url())).value().bytes == sample.file);
  auto liar = make_sample("liar", 50'000);
  a.nar(liar.info.url, {.bytes = sample.file});
  auto got = run(get(liar.url()));
  if (got) {
    ASSERT_TRUE(got->error);
    EXPECT_EQ(got->error->kind(), ErrorKind::corrupt);
    EXPECT_LT(got->bytes.size(), sample.file.size());
  }
  settle();
  EXPECT_FALSE(at_rest(liar.url()));
  auto nameless = nix::NarUrl::parse("nar/some-name.nar.xz").value();
  a.nar(nameless.str(), {.bytes = sample.file});
  EXPECT_EQ(failure_of(run(nars->open(nameless, minute()))), ErrorKind::not_found);
  EXPECT_EQ(a.asked_for(nameless.str()), 0u);
}

TEST_F(NarServiceTest, AbsentEverywhereIsNotFoundAndAFailureIsNot) {
  EXPECT_EQ(failure_of(run(nars->open(sample.url(), minute()))), ErrorKind::not_found);
  EXPECT_EQ(failure_of(run(nars->size_of(sample.url(), minute()))), ErrorKind::not_found);
  a.nar(sample.info.url, {.refuses = Error(ErrorKind::upstream, "down")});
  EXPECT_EQ(failure_of(run(nars->open(sample.url(), minute()))), ErrorKind::upstream);
  EXPECT_EQ(failure_of(run(nars->size_of(sample.url(), minute()))), ErrorKind::upstream);
  b.nar(sample.info.url, {.bytes = sample.file});
  EXPECT_EQ(run(nars->size_of(sample.url(), minute())).value(), sample.file.size());
  EXPECT_TRUE(run(get(sample.url())).value().bytes == sample.file);
}

TEST_F(NarServiceTest, TheSizeIsToldWithoutDownloading) {
  announce(sample);
  a.nar(sample.info.url, {.bytes = sample.file});
  EXPECT_EQ(run(nars->size_of(sample.url(), minute())).value(), sample.file.size());
  settle();
  EXPECT_FALSE(at_rest(sample.url()));
  ASSERT_TRUE(run(get(sample.url())));
  settle();
  auto asked = a.asked();
  EXPECT_EQ(run(nars->size_of(sample.url(), minute())).value(), sample.file.size());
  EXPECT_EQ(a.asked(), asked);
}

TEST_F(NarServiceTest, AnUnknownSizeComesWithTheEnd) {
  sample.info.file_size.reset();
  sample.info.file_hash.reset();
  announce(sample);
  auto gate = std::make_shared<testing::Gate>();
  a.nar(sample.info.url,
        {.bytes = sample.file, .says_total = false, .gate = gate, .gate_at = 50'000});
  auto nar = run(nars->open(sample.url(), minute())).value();
  EXPECT_EQ(nar.size(), std::nullopt);
  auto late = run(nar.wait_for_size(Deadline::after(std::chrono::seconds(0))));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
  gate->open();
  ASSERT_TRUE(run(nar.wait_for_size(minute())));
  EXPECT_EQ(nar.size(), sample.file.size());
  EXPECT_TRUE(run(testing::drain(nar.read(0, {}))).value().bytes == sample.file);
}

TEST_F(NarServiceTest, TheDeadlineEndsTheWaitingNotTheDownload) {
  announce(sample);
  auto answers = std::make_shared<testing::Gate>();
  a.nar(sample.info.url, {.bytes = sample.file, .answers = answers});
  auto late = run(nars->open(sample.url(), Deadline::after(std::chrono::seconds(0))));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
  answers->open();
  EXPECT_TRUE(run(get(sample.url())).value().bytes == sample.file);
  settle();
  EXPECT_EQ(a.asked(), 1u);
  EXPECT_TRUE(at_rest(sample.url()));
}

TEST_F(NarServiceTest, BytesAreServedWhileTheyArrive) {
  announce(sample);
  auto gate = std::make_shared<testing::Gate>();
  a.nar(sample.info.url, {.bytes = sample.file, .gate = gate, .gate_at = 60'000});
  auto nar = run(nars->open(sample.url(), minute())).value();
  auto source = nar.read(0, nar.size());
  std::string got;
  while (got.size() < 60'000) {  // hangs if anything of it waits for the rest
    auto piece = run(source->next());
    ASSERT_TRUE(piece);
    got += testing::bytes_of(*piece).value();
  }
  EXPECT_TRUE(sample.file.starts_with(got));
  gate->open();
  EXPECT_TRUE(got + run(testing::drain(std::move(source))).value().bytes == sample.file);
}

}  // namespace
}  // namespace ncps::cache
