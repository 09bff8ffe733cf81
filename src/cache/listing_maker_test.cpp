// Listings: from the NAR that is here, from an upstream, from a NAR fetched for it; in that order.
#include "cache/testing/object_fixture.h"
#include "codec/testing/compress.h"
#include "nix/testing/nar_of.h"

namespace ncps::cache {
namespace {

using nix::Compression;
using upstream::FakeNar;

const std::string kTheirs = R"({"root":{"theirs":true},"version":1})";

struct Listing : ObjectFixture {
  static constexpr std::size_t kSize = 80'000;  // of the one file that a sample's NAR holds
  const std::string truth =
      R"({"root":{"narOffset":96,"size":80000,"type":"regular"},"version":1})";

  Sample offered(std::string_view name, Compression compression = Compression::xz) {
    auto sample = make_sample(name, kSize, compression);
    sample.sign(upstream_key);
    offer(a, sample);
    a.nar(sample.info.url, {.bytes = sample.file});
    return sample;
  }

  void bring_to_rest(const Sample& sample) {
    auto url = nix::NarUrl::parse(found(sample).url).value();
    ASSERT_FALSE(run(get(url)).value().error);
    settle_for_objects();
    ASSERT_TRUE(at_rest(url));
  }

  // Downloads are replaced by settle(): whoever refers to them is made anew.
  void settle_for_objects() {
    ASSERT_TRUE(objects->stop(Deadline::never()));
    objects.reset();
    restart();
    objects = std::make_unique<ObjectService>(runtime, ObjectDeps{.store = store,
                                                                  .upstreams = upstreams,
                                                                  .narinfos = *service,
                                                                  .nars = *nars,
                                                                  .disk = disk,
                                                                  .cpu = cpu});
  }
};

TEST_F(Listing, OfANarThatIsHereIsMadeFromItAndNoUpstreamIsAsked) {
  for (auto compression : {Compression::xz, Compression::zstd, Compression::none}) {
    auto sample = offered("here-" + std::string(nix::extension(compression)), compression);
    a.nar(listing_of(sample).url(), {.bytes = kTheirs});
    bring_to_rest(sample);
    auto asked = a.asked() + b.asked();
    EXPECT_EQ(bytes_of(listing_of(sample)), truth);
    EXPECT_EQ(get_object(listing_of(sample)).value()->how, "hit");
    EXPECT_EQ(a.asked() + b.asked(), asked);
  }
}

TEST_F(Listing, OfANarThatIsElsewhereIsTheUpstreams) {
  auto sample = offered("elsewhere");
  a.nar(listing_of(sample).url(), {.bytes = kTheirs});
  EXPECT_EQ(bytes_of(listing_of(sample)), kTheirs);
  EXPECT_EQ(a.asked_for(sample.info.url), 0u);
  EXPECT_FALSE(at_rest(sample.url()));
}

TEST_F(Listing, ThatNoUpstreamHasIsMadeOfTheNarFetchedForIt) {
  auto sample = offered("fetched");
  EXPECT_EQ(bytes_of(listing_of(sample)), truth);
  EXPECT_EQ(a.asked_for(sample.info.url), 1u);
  EXPECT_EQ(b.asked_for(listing_of(sample).url()), 1u);
  EXPECT_EQ(bytes_of(listing_of(sample)), truth);
  EXPECT_EQ(a.asked_for(sample.info.url), 1u);
}

TEST_F(Listing, OfAnUnknownPathIsAbsentAndOnlyTheNarinfoIsAskedFor) {
  auto sample = make_sample("unknown");
  a.nar(listing_of(sample).url(), {.bytes = kTheirs});
  EXPECT_EQ(get_object(listing_of(sample)).value(), std::nullopt);
  EXPECT_EQ(a.asked_for(listing_of(sample).url()), 0u);
}

TEST_F(Listing, OfAPathThatNobodyTrustedSignedIsAbsent) {
  auto sample = make_sample("unsigned");
  offer(a, sample);
  a.nar(sample.info.url, {.bytes = sample.file});
  a.nar(listing_of(sample).url(), {.bytes = kTheirs});
  EXPECT_EQ(get_object(listing_of(sample)).value(), std::nullopt);
}

TEST_F(Listing, IsAbsentOnlyIfTheNarIsToo) {
  auto sample = offered("gone");
  a.no_nar(sample.info.url);
  EXPECT_EQ(get_object(listing_of(sample)).value(), std::nullopt);
  a.nar(sample.info.url, {.refuses = down()});
  EXPECT_EQ(get_object(listing_of(sample)).error().kind(), ErrorKind::upstream);
}

TEST_F(Listing, TroubleOnTheWayIsAnErrorAndNeverAbsence) {
  auto sample = offered("trouble");
  b.nar(listing_of(sample).url(), {.refuses = down()});
  EXPECT_EQ(get_object(listing_of(sample)).error().kind(), ErrorKind::upstream);
  EXPECT_EQ(a.asked_for(sample.info.url), 0u);  // it may be there the next time: no NAR for it
  auto other = make_sample("other");
  a.narinfo(other.hash(), std::unexpected(down()));
  EXPECT_EQ(get_object(listing_of(other)).error().kind(), ErrorKind::upstream);
}

TEST_F(Listing, AWrongNarGivesNone) {
  auto sample = offered("wrong");
  auto rotten = sample.file;
  rotten[rotten.size() / 2] ^= 1;
  for (auto* upstream : {&a, &b}) upstream->nar(sample.info.url, {.bytes = rotten});
  EXPECT_EQ(get_object(listing_of(sample)).error().kind(), ErrorKind::corrupt);
  EXPECT_FALSE(kept(listing_of(sample)));
}

TEST_F(Listing, OfANarThatRottedAtRestIsAskedOfTheUpstreams) {
  auto sample = offered("rotted");
  bring_to_rest(sample);
  auto file = root.path() / nar_key(sample.url()).str();
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  std::filesystem::resize_file(file, sample.file.size() / 2);
  a.nar(listing_of(sample).url(), {.bytes = kTheirs});
  EXPECT_EQ(bytes_of(listing_of(sample)), kTheirs);
}

TEST_F(Listing, AStoreThatFailsAtAnyStepIsUnavailableAndTheNextRequestIsServed) {
  auto sample = offered("steps");
  bring_to_rest(sample);
  int steps = 0;
  for (;; ++steps) {
    faults.fail_nth(steps + 1);
    auto got = get_object(listing_of(sample));
    if (!faults.fired()) break;
    if (!got) EXPECT_EQ(got.error().kind(), ErrorKind::unavailable) << steps;
    faults.heal();
    EXPECT_EQ(bytes_of(listing_of(sample)), truth);
    ASSERT_TRUE(run(real_store->remove(object_key(listing_of(sample)))));
  }
  EXPECT_GE(steps, 5);
}

}  // namespace
}  // namespace ncps::cache
