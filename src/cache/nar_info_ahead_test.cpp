// What NarInfoService remembers not to be anywhere, and what it fetches before it is asked for.
#include "cache/testing/nar_info_fixture.h"

namespace ncps::cache {
namespace {

struct NarInfoMissing : NarInfoFixture {
  NarInfoMissing() {
    policy.missing_for = std::chrono::minutes(1);
    restart();
  }
  Sample sample = signed_sample("hello-1.0");
};

TEST_F(NarInfoMissing, IsAskedForOnce) {
  auto& a = add_upstream("a");
  auto& b = add_upstream("b");
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(find(sample).value());
  EXPECT_EQ(a.asked(), 1u);
  EXPECT_EQ(b.asked(), 1u);
}

TEST_F(NarInfoMissing, AnErrorIsNeverRemembered) {
  add_upstream("a");
  auto& b = add_upstream("b");
  b.narinfo(sample.hash(), std::unexpected(down()));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(find(sample).error().kind(), ErrorKind::upstream);
  EXPECT_EQ(b.asked(), 3u);
  offer(b, sample);
  EXPECT_TRUE(find(sample).value());
}

TEST_F(NarInfoMissing, WhatIsNotForUsIsNotRemembered) {
  auto& a = add_upstream("a");
  auto bare = sample;
  bare.info.signatures.clear();
  offer(a, bare);
  EXPECT_FALSE(find(sample).value());
  offer(a, sample);
  EXPECT_TRUE(find(sample).value()) << "the fault is over, so the next request finds it";
}

TEST_F(NarInfoMissing, IsAskedForAgainWhenAnUpstreamHasComeBackOrTheOptionsChanged) {
  auto& a = add_upstream("a");
  EXPECT_FALSE(find(sample).value());
  a.came_back();
  EXPECT_FALSE(find(sample).value());
  EXPECT_EQ(a.asked(), 2u);
  service->use(policy);
  EXPECT_FALSE(find(sample).value());
  EXPECT_EQ(a.asked(), 3u);
  offer(a, sample);
  EXPECT_FALSE(find(sample).value());
  EXPECT_EQ(a.asked(), 3u);
}

TEST_F(NarInfoMissing, WhatIsInTheCatalogIsFoundAllTheSame) {
  add_upstream("a");
  EXPECT_FALSE(find(sample).value());
  ASSERT_TRUE(run(catalog.put_narinfo(
      {.hash = sample.hash(), .text = sample.text(), .upstream = "", .nar_url = sample.url()},
      sample.row(""))));
  EXPECT_TRUE(find(sample).value());
}

TEST_F(NarInfoMissing, ThereIsNoErrorWhereNobodyIsAsked) {
  auto& a = add_upstream("a");
  EXPECT_FALSE(find(sample).value());
  a.narinfo(sample.hash(), std::unexpected(down()));
  EXPECT_FALSE(find(sample).value());
}

struct NarInfoAhead : NarInfoFixture {
  NarInfoAhead() {
    policy.prefetch = {.nars = true, .narinfos = true};
    restart();
  }

  // A chain: each refers to the next, and to itself; the upstream has narinfos and NARs of all.
  std::vector<Sample> chain(upstream::FakeUpstream& a, int length) {
    std::vector<Sample> made;
    for (int i = length - 1; i >= 0; --i) {
      auto sample = make_sample("link-" + std::to_string(i), 1'000);
      sample.info.references.push_back(sample.info.store_path);
      if (!made.empty()) sample.info.references.push_back(made.back().info.store_path);
      sample.sign(upstream_key);
      offer(a, sample);
      a.nar(sample.info.url, {.bytes = sample.file});
      made.push_back(std::move(sample));
    }
    std::ranges::reverse(made);
    return made;
  }

  // Waits until the catalog knows it.
  bool comes(const Sample& sample) {
    for (auto deadline = Deadline::after(std::chrono::seconds(30)); !deadline.passed();) {
      if (run(real_catalog->find_narinfo(sample.hash())).value()) return true;
      std::this_thread::yield();
    }
    return false;
  }
  bool nar_comes(const Sample& sample) {
    for (auto deadline = Deadline::after(std::chrono::seconds(30)); !deadline.passed();) {
      if (at_rest(sample.url())) return true;
      std::this_thread::yield();
    }
    return false;
  }
};

TEST_F(NarInfoAhead, AGetFetchesTheNarInfosOfTheWholeClosureAndOneNar) {
  auto& a = add_upstream("a");
  auto links = chain(a, 12);
  EXPECT_TRUE(find(links[0], Asked::by_get).value());
  for (const auto& link : links) {
    EXPECT_TRUE(comes(link));
    EXPECT_EQ(a.asked_for(std::string(link.hash().str()) + ".narinfo"), 1u);
  }
  EXPECT_TRUE(nar_comes(links[0]));
  restart();  // all has ended
  for (std::size_t i = 1; i < links.size(); ++i) EXPECT_FALSE(at_rest(links[i].url())) << i;
}

TEST_F(NarInfoAhead, TheNarOfAReferenceIsFetchedOnceItsNarInfoIsAskedForByGet) {
  auto& a = add_upstream("a");
  auto links = chain(a, 2);
  EXPECT_TRUE(find(links[0], Asked::by_get).value());
  ASSERT_TRUE(comes(links[1]));
  EXPECT_TRUE(find(links[1], Asked::by_head).value());
  EXPECT_EQ(a.asked_for(links[1].info.url), 0u);
  EXPECT_TRUE(find(links[1], Asked::by_get).value());
  EXPECT_TRUE(nar_comes(links[1]));
  EXPECT_TRUE(find(links[1], Asked::by_get).value());
  EXPECT_EQ(a.asked_for(links[1].info.url), 1u);
}

TEST_F(NarInfoAhead, AHeadFetchesNothingAheadButTheGetAfterItDoes) {
  auto& a = add_upstream("a");
  auto links = chain(a, 2);
  EXPECT_TRUE(find(links[0], Asked::by_head).value());
  EXPECT_EQ(a.asked(), 1u);
  EXPECT_TRUE(find(links[0], Asked::by_get).value());
  EXPECT_TRUE(nar_comes(links[0]));
  EXPECT_TRUE(comes(links[1])) << "nix path-info and nix copy ask for the root by HEAD first";
}

TEST_F(NarInfoAhead, AfterAHeadAGetWalksAlsoWhereNarsAreNotFetchedAhead) {
  policy.prefetch = {.nars = false, .narinfos = true};
  service->use(policy);
  auto& a = add_upstream("a");
  auto links = chain(a, 3);
  EXPECT_TRUE(find(links[0], Asked::by_head).value());
  EXPECT_TRUE(find(links[0], Asked::by_get).value());
  EXPECT_TRUE(comes(links[2]));
  restart();
  EXPECT_FALSE(at_rest(links[0].url()));
}

TEST_F(NarInfoAhead, AClientThatJoinsWhatIsFetchedAheadGetsItsNarFetched) {
  auto& a = add_upstream("a");
  auto links = chain(a, 2);
  EXPECT_TRUE(find(links[0], Asked::by_head).value());
  auto gate = std::make_shared<testing::Gate>();
  a.narinfos_wait(gate);
  auto ahead = std::async(std::launch::async, [&] { return find(links[1], Asked::ahead); });
  ASSERT_TRUE(gate->wait_for(1));
  auto client = std::async(std::launch::async, [&] { return find(links[1], Asked::by_get); });
  gate->open();
  EXPECT_TRUE(ahead.get().value());
  EXPECT_TRUE(client.get().value());
  EXPECT_TRUE(nar_comes(links[1]));
}

TEST_F(NarInfoAhead, EachPartCanBeSwitchedOff) {
  auto& a = add_upstream("a");
  auto links = chain(a, 2);
  policy.prefetch = {.nars = false, .narinfos = true};
  service->use(policy);
  EXPECT_TRUE(find(links[0], Asked::by_get).value());
  EXPECT_TRUE(comes(links[1]));
  EXPECT_TRUE(find(links[1], Asked::by_get).value());
  restart();
  EXPECT_FALSE(at_rest(links[0].url()));
  EXPECT_FALSE(at_rest(links[1].url()));

  auto& b = add_upstream("b");
  auto others = make_sample("other", 1'000);
  others.info.references.push_back(signed_sample("never").info.store_path);
  others.sign(upstream_key);
  offer(b, others);
  b.nar(others.info.url, {.bytes = others.file});
  policy.prefetch = {.nars = true, .narinfos = false};
  service->use(policy);
  EXPECT_TRUE(find(others, Asked::by_get).value());
  EXPECT_TRUE(nar_comes(others));
  restart();
  EXPECT_EQ(b.asked_for(std::string(signed_sample("never").hash().str()) + ".narinfo"), 0u);
}

TEST_F(NarInfoAhead, StopsWhileItWalks) {
  auto& a = add_upstream("a");
  auto links = chain(a, 30);
  auto gate = std::make_shared<testing::Gate>();
  EXPECT_TRUE(find(links[0], Asked::by_head).value());
  a.narinfos_wait(gate);
  auto ahead = std::async(std::launch::async, [&] { return find(links[1], Asked::ahead); });
  ASSERT_TRUE(gate->wait_for(1));
  gate->open();
  EXPECT_TRUE(ahead.get().value());
  EXPECT_TRUE(service->stop(Deadline::after(std::chrono::seconds(60))));
}

// Walks by hand: what is fetched, and how many at once.
struct ReferenceWalkTest : ::testing::Test {
  static nix::StorePathHash hash(int n) {
    auto text = std::to_string(n);
    return nix::StorePathHash::parse(std::string(32 - text.size(), 'a') + text).value();
  }
  std::vector<nix::StorePathHash> hashes(int from, int to) {
    std::vector<nix::StorePathHash> all;
    for (int n = from; n < to; ++n) all.push_back(hash(n));
    return all;
  }
  Runtime runtime{4};
  testing::Gate gate;
  std::atomic<int> fetched = 0;
  ReferenceWalk walk{runtime,
                     [this](nix::StorePathHash) -> boost::asio::awaitable<void> {
                       co_await gate.pass();
                       ++fetched;
                     },
                     {.at_once = 4, .queued = 10}};
};

TEST_F(ReferenceWalkTest, FewAtOnceEachOnceAndNoMoreThanFit) {
  walk.add(hashes(0, 8));
  ASSERT_TRUE(gate.wait_for(4));
  walk.add(hashes(0, 8));      // known
  walk.add(hashes(8, 1'000));  // 4 run, so at most 10 wait
  EXPECT_EQ(gate.come(), 4);
  gate.open();
  ASSERT_TRUE(gate.wait_for(14));
  EXPECT_TRUE(walk.stop(Deadline::after(std::chrono::minutes(1))));
  EXPECT_EQ(fetched, 14);
}

TEST_F(ReferenceWalkTest, AfterItsStopNothingBegins) {
  walk.add(hashes(0, 8));
  ASSERT_TRUE(gate.wait_for(4));
  EXPECT_FALSE(walk.stop(Deadline::after(std::chrono::milliseconds(1))));
  gate.open();
  EXPECT_TRUE(walk.stop(Deadline::after(std::chrono::minutes(1))));
  walk.add(hashes(100, 108));
  EXPECT_TRUE(walk.stop(Deadline::after(std::chrono::minutes(1))));
  EXPECT_EQ(fetched, 4);
}

}  // namespace
}  // namespace ncps::cache
