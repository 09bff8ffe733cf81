// NARs of which the row is lost, or that a client knows by their upstream's URL.
#include "cache/testing/nar_info_fixture.h"
#include "cache/testing/plain_sample.h"

namespace ncps::cache {
namespace {

using upstream::FakeNar;
using upstream::FakeUpstream;

struct NarServiceNames : NarInfoFixture {
  NarServiceNames() {
    BringNarInfo bring = [this](nix::StorePathHash hash, Deadline deadline) {
      ++brought;
      return bring_now(hash, deadline);
    };
    nars = std::make_unique<NarService>(store, catalog, upstreams, *downloads, std::move(bring));
  }

  Task<void> bring_now(nix::StorePathHash hash, Deadline deadline) {
    CO_TRY(co_await service->find(hash, Asked::by_head, deadline));
    co_return Result<void>();
  }

  static nix::NarUrl url(std::string_view text) { return nix::NarUrl::parse(text).value(); }
  static std::string of_attic(const Sample& sample) {
    return "nar/" + std::string(sample.hash().str()) + ".nar";
  }
  static std::string of_nix_serve(const Sample& sample) {
    return "nar/" + std::string(sample.hash().str()) + "-" + sample.info.nar_hash.nix32() + ".nar";
  }
  void offer_as(Sample& sample, const std::string& nar_url) {
    sample.info.url = nar_url;
    sample.sign(upstream_key);
    offer(a, sample);
    a.nar(nar_url, {.bytes = sample.file});
  }
  void expect_served(const std::string& nar_url, std::string_view bytes) {
    auto got = run(get(url(nar_url)));
    ASSERT_TRUE(got) << got.error().what();
    EXPECT_FALSE(got->error);
    EXPECT_TRUE(got->bytes == bytes);
  }

  FakeUpstream& a = add_upstream("a");
  std::atomic<int> brought = 0;
};

TEST_F(NarServiceNames, ALostRowIsFoundAgainByTheStorePathInTheName) {
  auto sample = make_sample("attic", 20'000, nix::Compression::zstd);
  offer_as(sample, of_attic(sample));
  expect_served(of_attic(sample), sample.file);
  EXPECT_EQ(brought, 1);
  EXPECT_TRUE(run(catalog.find_nar(url(of_attic(sample)))).value());
}

TEST_F(NarServiceNames, TheUpstreamsOwnUrlNamesItsOwnBytesAlsoWhereWeAnnounceAnother) {
  auto served_by_attic = plain_sample("attic", 20'000);
  offer_as(served_by_attic, of_attic(served_by_attic));
  auto served_by_nix_serve = plain_sample("nix-serve", 20'000);
  offer_as(served_by_nix_serve, of_nix_serve(served_by_nix_serve));
  std::vector<nix::NarUrl> kept;
  for (const auto* sample : {&served_by_attic, &served_by_nix_serve}) {
    auto announced = found(*sample).url;
    EXPECT_EQ(announced, "nar/" + sample->info.nar_hash.nix32() + ".nar.zst");
    EXPECT_TRUE(unzstd(run(get(url(announced))).value().bytes) == sample->nar);
    expect_served(sample->info.url, sample->nar);
    kept.push_back(url(announced));
    kept.push_back(url(sample->info.url));
  }
  settle();
  for (const auto& one : kept) EXPECT_TRUE(at_rest(one)) << one.str();
  EXPECT_EQ(brought, 0);  // the narinfos were known
}

TEST_F(NarServiceNames, WhatTheNarInfoDoesNotLeadToIsNotFound) {
  auto sample = make_sample("elsewhere", 2'000);
  offer_as(sample, "nar/elsewhere.nar.xz");
  auto deadline = Deadline::after(std::chrono::minutes(1));
  EXPECT_EQ(failure_of(run(nars->open(url(of_attic(sample)), deadline))), ErrorKind::not_found);
  auto unknown = make_sample("unknown", 2'000);
  EXPECT_EQ(failure_of(run(nars->open(url(of_attic(unknown)), deadline))), ErrorKind::not_found);
  auto unsigned_one = make_sample("unsigned", 2'000);
  unsigned_one.info.url = of_attic(unsigned_one);
  offer(a, unsigned_one);
  EXPECT_EQ(failure_of(run(nars->open(url(of_attic(unsigned_one)), deadline))),
            ErrorKind::not_found);
  EXPECT_EQ(brought, 3);
}

TEST_F(NarServiceNames, ANarInfoThatCannotBeHadIsNoAbsence) {
  auto sample = plain_sample("down", 20'000);
  a.narinfo(sample.hash(), std::unexpected(down()));
  auto deadline = Deadline::after(std::chrono::minutes(1));
  EXPECT_EQ(failure_of(run(nars->open(url(of_attic(sample)), deadline))), ErrorKind::upstream);
  EXPECT_EQ(failure_of(run(nars->size_of(url(of_attic(sample)), deadline))), ErrorKind::upstream);
  // The other form ends in the hash of the NAR: that is enough.
  a.nar(of_nix_serve(sample), {.bytes = sample.nar});
  expect_served(of_nix_serve(sample), sample.nar);
}

TEST_F(NarServiceNames, NamesThatAreAHashAreAskedOfTheUpstreamsAtOnce) {
  auto sample = make_sample("hashed", 2'000);
  a.nar(sample.info.url, {.bytes = sample.file});
  expect_served(sample.info.url, sample.file);
  EXPECT_EQ(brought, 0);
}

}  // namespace
}  // namespace ncps::cache
