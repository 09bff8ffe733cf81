// Narinfos that lead to no NAR: they are asked for again, and only they.
#include "cache/testing/nar_info_fixture.h"

namespace ncps::cache {
namespace {

struct NarInfoDoubt : NarInfoFixture {
  NarInfoDoubt() {
    policy.prefetch = {.nars = false, .narinfos = false};
    restart();
    a.nar(sample.info.url, {.bytes = sample.file});
  }
  // No settle() here: Downloads are what remembers.
  Result<testing::Drained> get_nar(const nix::NarInfo& info) {
    return run(get(nix::NarUrl::parse(info.url).value()));
  }
  void expect_whole(const nix::NarInfo& info) {
    auto got = get_nar(info);
    ASSERT_TRUE(got) << got.error().what();
    EXPECT_FALSE(got->error);
    EXPECT_TRUE(got->bytes == sample.file);
  }
  // The download's end is noted a moment after its readers know it.
  void wait_for_doubt(std::uint64_t doubts) {
    for (auto end = Deadline::after(std::chrono::seconds(30));
         service->doubts() < doubts && !end.passed();)
      std::this_thread::yield();
    ASSERT_EQ(service->doubts(), doubts);
  }
  // Every download has ended, so its outcome is noted; no other one may begin.
  void end_all_downloads() {
    ASSERT_TRUE(downloads->stop(Deadline::after(std::chrono::minutes(1))));
  }
  std::size_t asked_for_it() { return a.asked_for(std::string(sample.hash().str()) + ".narinfo"); }

  upstream::FakeUpstream& a = add_upstream("a");
  Sample sample = signed_sample("hello-1.0");
};

TEST_F(NarInfoDoubt, WhatLeadsNowhereIsAskedForAgain) {
  auto damaged = sample;
  damaged.info.url = "nar/damaged.nar.xz";
  offer(a, damaged);
  EXPECT_FALSE(get_nar(found(sample)));
  wait_for_doubt(1);
  offer(a, sample);
  auto info = found(sample);
  EXPECT_EQ(info.url, sample.info.url);
  expect_whole(info);
  EXPECT_EQ(asked_for_it(), 2u);
}

// Such a text is in the store only: no database keeps it.
TEST_F(NarInfoDoubt, AlsoIfItsTextIsNoUtf8) {
  auto damaged = sample;
  damaged.info.url = "nar/damaged.nar.xz";
  a.narinfo(sample.hash(), std::optional(damaged.text() + "Odd: \xFF\n"));
  EXPECT_FALSE(get_nar(found(sample)));
  wait_for_doubt(1);
  offer(a, sample);
  expect_whole(found(sample));
}

TEST_F(NarInfoDoubt, SoIsWhatDoesNotFitItsNar) {
  auto damaged = sample;
  damaged.info.file_hash = nix::Hash(crypto::sha256("something else"));
  offer(a, damaged);
  auto got = get_nar(found(sample));
  EXPECT_TRUE(!got || got->error);
  wait_for_doubt(1);
  offer(a, sample);
  expect_whole(found(sample));
}

TEST_F(NarInfoDoubt, IfNobodyKnowsBetterItIsServedAsItIs) {
  auto damaged = sample;
  damaged.info.url = "nar/damaged.nar.xz";
  offer(a, damaged);
  EXPECT_FALSE(get_nar(found(sample)));
  wait_for_doubt(1);
  a.narinfo(sample.hash(), std::unexpected(down()));
  EXPECT_EQ(found(sample).url, damaged.info.url);
  EXPECT_EQ(asked_for_it(), 2u);
  EXPECT_EQ(found(sample).url, damaged.info.url);
  EXPECT_EQ(asked_for_it(), 2u) << "asked again for each request";
}

TEST_F(NarInfoDoubt, WhatIsWellOrOnlyAwayIsNotAskedForAgain) {
  offer(a, sample);
  auto info = found(sample);
  a.nar(sample.info.url, {.bytes = sample.file, .refuses = down()});
  EXPECT_FALSE(get_nar(info));
  EXPECT_EQ(found(sample).url, sample.info.url);
  a.nar(sample.info.url, {.bytes = sample.file});
  expect_whole(info);
  EXPECT_EQ(found(sample).url, sample.info.url);
  end_all_downloads();
  EXPECT_EQ(asked_for_it(), 1u);
  EXPECT_EQ(service->doubts(), 0u);
}

TEST_F(NarInfoDoubt, WhatNobodyAnnouncedHasNoNarInfoToDoubt) {
  for (int i = 0; i < 3; ++i) {
    auto invented = make_sample("invented-" + std::to_string(i));
    EXPECT_FALSE(get_nar(invented.info));
  }
  end_all_downloads();
  EXPECT_EQ(a.asked(), 3u);
  EXPECT_EQ(service->doubts(), 0u);
}

}  // namespace
}  // namespace ncps::cache
