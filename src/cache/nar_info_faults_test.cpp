// NarInfoService while the store or the database fails.
#include <fstream>

#include "cache/testing/nar_info_fixture.h"

namespace ncps::cache {
namespace {

struct NarInfoFaults : NarInfoFixture {
  upstream::FakeUpstream& a = add_upstream("a");
  Sample sample = signed_sample("hello-1.0");
  void SetUp() override { offer(a, sample); }
  // What clients must get.
  std::string served(Sample one) {
    one.sign(own_key);
    return one.text();
  }
  void no_database() {
    for (auto call : {"find_narinfo", "put_narinfo", "find_nar", "mark_stored"})
      faults.fail_always(call);
  }
};

TEST_F(NarInfoFaults, WithoutTheDatabaseWhatIsStoredIsStillServed) {
  auto first = find(sample).value().value();
  no_database();
  auto got = find(sample);
  ASSERT_TRUE(got) << got.error().what();
  EXPECT_EQ(got.value()->text, first.text);
  EXPECT_EQ(got.value()->how, "hit");
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(NarInfoFaults, WithoutTheDatabaseWhatIsUnknownIsUnavailableNotAbsent) {
  no_database();
  EXPECT_EQ(find(signed_sample("nowhere")).error().kind(), ErrorKind::unavailable);
  EXPECT_EQ(find(sample).error().kind(), ErrorKind::unavailable);
  faults.heal();
  EXPECT_TRUE(find(sample).value());
}

TEST_F(NarInfoFaults, WhatWasMissingIsUnknownWhileTheDatabaseIsAway) {
  policy.missing_for = std::chrono::hours(1);
  restart();
  auto later = signed_sample("later");
  EXPECT_FALSE(find(later).value());  // and that is remembered
  no_database();
  auto got = find(later);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind(), ErrorKind::unavailable);
  // Another instance has brought it.
  std::filesystem::create_directories(file_of(later).parent_path());
  std::ofstream(file_of(later)) << later.text();
  EXPECT_TRUE(find(later).value());
  faults.heal();
}

TEST_F(NarInfoFaults, AClientIsAnsweredAlsoIfNothingCanBeKept) {
  for (auto call : {"put_text", "put_narinfo", "find_nar"}) {
    auto one = signed_sample(call);
    offer(a, one);
    faults.fail_always(call);
    auto got = find(one);
    ASSERT_TRUE(got) << call;
    auto info = nix::parse_nar_info(got.value()->text).value();
    EXPECT_EQ(info.store_path, one.info.store_path);
    EXPECT_EQ(info.signatures.size(), 2u);
    faults.heal();
    EXPECT_TRUE(find(one).value()) << call;
  }
}

TEST_F(NarInfoFaults, WhateverStepFailsTheAnswerIsRightOrAnErrorAndTheNextOneIsRight) {
  for (bool stored : {false, true}) {
    for (int n = 1;; ++n) {
      SCOPED_TRACE(n);
      ASSERT_LT(n, 30);
      auto one = signed_sample("step-" + std::to_string(n) + (stored ? "-stored" : ""));
      offer(a, one);
      if (stored) ASSERT_TRUE(find(one).value());
      faults.fail_nth(n);
      auto got = find(one);
      bool fired = faults.fired();
      faults.heal();
      if (got) {
        ASSERT_TRUE(*got);  // never absent
        EXPECT_EQ((*got)->text, served(one));
      } else {
        EXPECT_TRUE(fired);
        EXPECT_EQ(got.error().kind(), ErrorKind::unavailable);
      }
      EXPECT_EQ(find(one).value().value().text, served(one));
      restart();
      EXPECT_EQ(find(one).value().value().text, served(one));
      EXPECT_TRUE(nothing_temporary());
      if (!fired) break;
    }
  }
}

}  // namespace
}  // namespace ncps::cache
