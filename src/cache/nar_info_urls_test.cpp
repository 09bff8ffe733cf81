// Under which URL a NAR is announced, and that it can be had there.
#include <set>

#include "cache/nar_info_rendering.h"
#include "cache/testing/nar_info_fixture.h"

namespace ncps::cache {
namespace {

const char* const kOddUrls[] = {"https://cdn.example/nar/x.nar.xz",
                                "nar/x.nar.xz?token=abc",
                                "../x.nar.xz",
                                "nar/../../x.nar.xz",
                                "0b3f0d8e-4ed5-4c5e-9d6f-5a7d3e0c9f11",
                                "nar/a/b.nar.xz",
                                "nar/x%2f.nar.xz",
                                "nar/x.tar.xz",
                                "/nar/x.nar.xz"};

TEST(NarInfoRendering, AnnouncesTheUpstreamsOwnUrlIfWeCanServeIt) {
  auto sample = make_sample("hello-1.0", 100);
  EXPECT_EQ(announced_url(sample.info).str(), sample.info.url);
  for (auto plain : {"nar/x.nar", "nar/0b3f0d8e-4ed5.nar.zst", "nar/a_b-C.nar.xz"}) {
    sample.info.url = plain;
    EXPECT_EQ(announced_url(sample.info).str(), plain);
  }
  for (auto odd : kOddUrls) {
    sample.info.url = odd;
    EXPECT_EQ(announced_url(sample.info).str(), "nar/" + sample.info.nar_hash.nix32() + ".nar.xz")
        << odd;
  }
}

TEST(NarInfoRendering, ChangesUrlAndOurSignatureAndNothingElse) {
  auto sample = make_sample("hello-1.0", 100);
  auto upstream = nix::SecretKey::generate("upstream").value();
  auto ours = nix::SecretKey::generate("ours").value();
  sample.sign(upstream);
  sample.info.deriver = sample.info.store_path.base_name();
  sample.info.ca = "fixed:sha256:x";
  sample.info.other = {{"X-Other", "kept"}};
  auto url = nix::NarUrl::parse("nar/elsewhere.nar.xz").value();
  auto expected = sample.info;
  expected.url = url.str();
  EXPECT_EQ(nix::parse_nar_info(served_text(sample.info, url, nullptr).value()).value(), expected);
  expected.signatures.push_back(ours.sign(nix::fingerprint(sample.info)).value());
  EXPECT_EQ(nix::parse_nar_info(served_text(sample.info, url, &ours).value()).value(), expected);
}

TEST(NarInfoRendering, TheETagIsStrongAndFollowsTheText) {
  EXPECT_EQ(etag_of("a"), etag_of("a"));
  EXPECT_NE(etag_of("a"), etag_of("b"));
  EXPECT_EQ(etag_of("").size(), 34u);
  EXPECT_TRUE(etag_of("a").starts_with('"') && etag_of("a").ends_with('"'));
}

using NarInfoUrls = NarInfoFixture;

TEST_F(NarInfoUrls, AnOddUrlIsAnnouncedByItsNarHashAndServedFromThere) {
  auto& a = add_upstream("a");
  int number = 0;
  for (auto odd : kOddUrls) {
    SCOPED_TRACE(odd);
    auto sample = make_sample("odd-" + std::to_string(++number), 2'000);
    sample.info.url = odd;
    sample.sign(upstream_key);
    offer(a, sample);
    a.nar(odd, {.bytes = sample.file});
    auto info = found(sample);
    EXPECT_EQ(info.url, "nar/" + sample.info.nar_hash.nix32() + ".nar.xz");
    auto got = run(get(nix::NarUrl::parse(info.url).value()));
    ASSERT_TRUE(got) << got.error().what();
    EXPECT_FALSE(got->error);
    EXPECT_TRUE(got->bytes == sample.file);
  }
}

TEST_F(NarInfoUrls, TwoNarsUnderOneUrlGetTwo) {
  auto& a = add_upstream("a");
  auto& b = add_upstream("b");
  auto one = make_sample("one", 2'000), two = make_sample("two", 2'000);
  for (auto* sample : {&one, &two}) {
    sample->info.url = "nar/same.nar.xz";
    sample->sign(upstream_key);
  }
  offer(a, one);
  offer(b, two);
  a.nar("nar/same.nar.xz", {.bytes = one.file});
  b.nar("nar/same.nar.xz", {.bytes = two.file});
  auto url_of_one = found(one).url, url_of_two = found(two).url;
  EXPECT_EQ(url_of_one, "nar/same.nar.xz");
  EXPECT_EQ(url_of_two, "nar/" + two.info.nar_hash.nix32() + ".nar.xz");
  EXPECT_TRUE(run(get(nix::NarUrl::parse(url_of_one).value())).value().bytes == one.file);
  EXPECT_TRUE(run(get(nix::NarUrl::parse(url_of_two).value())).value().bytes == two.file);
  EXPECT_EQ(found(one).url, url_of_one);  // for ever
  EXPECT_EQ(found(two).url, url_of_two);
}

TEST_F(NarInfoUrls, TwoNarsUnderOneUrlGetTwoAlsoIfTheyComeAtOnce) {
  auto& a = add_upstream("a");
  for (int round = 0; round < 20; ++round) {
    std::vector<Sample> samples;
    std::string url = "nar/same-" + std::to_string(round) + ".nar.xz";
    for (int i = 0; i < 4; ++i) {
      samples.push_back(make_sample("at-once-" + std::to_string(10 * round + i), 100));
      samples.back().info.url = url;
      samples.back().sign(upstream_key);
      offer(a, samples.back());
    }
    std::vector<std::future<std::string>> urls;
    for (auto& sample : samples)
      urls.push_back(std::async(std::launch::async, [&] { return found(sample).url; }));
    std::set<std::string> different;
    for (auto& one : urls) different.insert(one.get());
    EXPECT_EQ(different.size(), samples.size()) << "round " << round;
  }
}

TEST_F(NarInfoUrls, EvictedNarsAreFetchedAgainUnderTheUrlThatWasHandedOut) {
  auto& a = add_upstream("a");
  auto sample = signed_sample("hello-1.0");
  offer(a, sample);
  a.nar(sample.info.url, {.bytes = sample.file});
  auto url = nix::NarUrl::parse(found(sample).url).value();
  for (int i = 1; i <= 2; ++i) {
    EXPECT_TRUE(run(get(url)).value().bytes == sample.file);
    restart();
    EXPECT_EQ(a.asked_for(sample.info.url), static_cast<std::size_t>(i));
    ASSERT_TRUE(run(store.remove(nar_key(url))));
  }
}

}  // namespace
}  // namespace ncps::cache
