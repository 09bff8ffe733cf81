// Several instances want one NAR: one transfer from an upstream, and what becomes of it when something
// breaks.
#include "cache/testing/peers_fixture.h"

namespace ncps::cache {
namespace {

using upstream::FakeNar;
using Bytes = std::vector<std::uint64_t>;

struct Peers : PeersFixture {
  Peers() { announce(sample.row("u"), sample); }

  // A downloads it, and stops before that byte.
  std::shared_ptr<testing::Gate> stops_at(std::uint64_t at) {
    auto gate = std::make_shared<testing::Gate>();
    u.nar(sample.info.url,
          {{.bytes = sample.file, .gate = gate, .gate_at = at}, {.bytes = sample.file}});
    return gate;
  }
  Bytes first_bytes() const {
    Bytes all;
    for (const auto& call : u.calls()) all.push_back(call.first_byte);
    return all;
  }
  void expect_right(Got got, std::string_view how) {
    EXPECT_FALSE(got.error) << got.error->what();
    EXPECT_TRUE(got.bytes == sample.file);
    EXPECT_EQ(got.how, how);
  }
  std::optional<std::uint64_t> noted() { return run(catalog.find_nar(url)).value()->stored_size; }

  upstream::FakeUpstream& u = add_upstream("u");
  Sample sample = make_sample("hello-1.0", 200'000);
  nix::NarUrl url = sample.url();
  std::uint64_t size = sample.file.size();
};

TEST_F(Peers, OneOfThemTransfersItAndTheOthersReadFromThatOne) {
  auto gate = stops_at(90'000);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 90'000));
  auto second = client(b, url), third = client(c, url);
  ASSERT_TRUE(has(b, url, 90'000)) << "a follower has what has come, not only what is whole";
  ASSERT_TRUE(has(c, url, 90'000));
  EXPECT_FALSE(at_rest(url));
  gate->open();
  expect_right(first.get(), "miss");
  expect_right(second.get(), "peer");
  expect_right(third.get(), "peer");
  EXPECT_EQ(u.asked(), 1u);
  ASSERT_TRUE(idle(a, url) && idle(b, url) && idle(c, url));
  EXPECT_TRUE(at_rest(url));
  EXPECT_EQ(noted(), size);
  EXPECT_EQ(leases.held(), 0u);
  EXPECT_EQ(client(b, url).get().how, "hit");
  EXPECT_TRUE(nothing_temporary());
}

TEST_F(Peers, WhatIsFetchedAheadElsewhereIsLeftToThem) {
  auto gate = stops_at(1);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 1));
  b.downloads->prefetch(job(sample));
  ASSERT_TRUE(idle(b, url));
  EXPECT_EQ(peers.asked(a.url), Bytes{});
  gate->open();
  expect_right(first.get(), "miss");
  EXPECT_EQ(u.asked(), 1u);
}

TEST_F(Peers, AHitTakesNoLease) {
  u.nar(sample.info.url, FakeNar{.bytes = sample.file});
  expect_right(client(a, url).get(), "miss");
  ASSERT_TRUE(idle(a, url));
  auto asked = leases.asked();
  leases.away(true);
  for (auto* one : {&a, &b}) expect_right(client(*one, url).get(), "hit");
  EXPECT_EQ(leases.asked(), asked);
}

TEST_F(Peers, WhereTheHolderDiesAnotherGoesOn) {
  // At the first byte, in the middle, at the last one.
  for (std::uint64_t at : {std::uint64_t{0}, std::uint64_t{1}, size / 2, size - 1, size}) {
    SCOPED_TRACE(at);
    sample = make_sample("dies-" + std::to_string(at), 200'000);
    url = sample.url();
    size = sample.file.size();
    at = std::min(at, size);
    announce(sample.row("u"), sample);
    auto asked = u.asked(), followed = peers.asked(a.url).size();
    auto gate = stops_at(at);
    auto first = client(a, url);
    ASSERT_TRUE(until([&] { return u.asked() > asked; })) << "it has the lease";
    ASSERT_TRUE(has(a, url, at));
    auto second = client(b, url);
    ASSERT_TRUE(until([&] { return peers.asked(a.url).size() > followed; }));
    ASSERT_TRUE(has(b, url, at));
    leases.expire(lease_of(url));
    peers.kill(a.url, at);
    gate->open();  // it comes back, and knows that it has lost the lease: its own client loses nothing
    expect_right(second.get(), "peer");
    expect_right(first.get(), "miss");
    ASSERT_TRUE(idle(a, url) && idle(b, url));
    EXPECT_LE(u.asked(), asked + 2);
    EXPECT_EQ(u.calls().back().first_byte, u.asked() == asked + 1 ? 0 : at);
    EXPECT_TRUE(at_rest(url));
    EXPECT_EQ(noted(), size);
    EXPECT_EQ(leases.held(), 0u);
    peers.at(a.url, [](TestPeers::Peer& p) {
      p.breaks_at->store(upstream::kNoByte);
      p.refuses.reset();
    });
  }
}

TEST_F(Peers, OfTwoFollowersOneTakesOverAndTheOtherFollowsThatOne) {
  auto gate = stops_at(100'000);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 100'000));
  auto second = client(b, url), third = client(c, url);
  ASSERT_TRUE(has(b, url, 100'000) && has(c, url, 100'000));
  peers.kill(a.url);
  leases.expire(lease_of(url));
  // Both have read all that there is: the break comes with the next byte.
  gate->open();
  expect_right(second.get(), "peer");
  expect_right(third.get(), "peer");
  expect_right(first.get(), "miss");
  EXPECT_LE(u.asked(), 2u) << "one more transfer, from where it broke";
  ASSERT_TRUE(idle(a, url) && idle(b, url) && idle(c, url));
  EXPECT_TRUE(at_rest(url));
}

TEST_F(Peers, AHolderThatDiedAfterPublishingIsNotMissed) {
  auto gate = stops_at(100'000);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 100'000));
  auto second = client(b, url);
  ASSERT_TRUE(has(b, url, 100'000));
  peers.kill(a.url, 100'000);
  faults.fail_always("mark_stored");
  gate->open();
  expect_right(first.get(), "miss");
  expect_right(second.get(), "peer");  // it went on from the store
  EXPECT_EQ(u.asked(), 1u);
  ASSERT_TRUE(idle(a, url) && idle(b, url));
  EXPECT_TRUE(at_rest(url));
}

TEST_F(Peers, WhoLostTheLeaseServesItsClientsAndPublishesNothing) {
  auto gate = stops_at(100'000);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 100'000));
  leases.expire(lease_of(url));
  gate->open();
  expect_right(first.get(), "miss");
  ASSERT_TRUE(idle(a, url));
  EXPECT_FALSE(at_rest(url));
  EXPECT_EQ(noted(), std::nullopt);
  expect_nothing_kept();
}

TEST_F(Peers, WhoLostTheLeaseWithoutNoticingIsRefusedByItsFence) {
  auto gate = stops_at(100'000);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 100'000));
  auto fence = leases.holder(lease_of(url))->fence;
  leases.expire(lease_of(url), false);  // stopped for longer than it lasts, and not yet awake
  ASSERT_TRUE(run(catalog.claim(url, fence + 1)).value());
  gate->open();
  expect_right(first.get(), "miss");
  ASSERT_TRUE(idle(a, url));
  EXPECT_FALSE(at_rest(url));
  EXPECT_EQ(noted(), std::nullopt);
}

// That it is lost without steps, and given back, is the business of lock/redis/stall_test.cpp.
TEST_F(Peers, ADownloadTellsItsLeaseThatItComesOn) {
  auto gate = stops_at(100'000);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 100'000));
  auto ask = leases.last_ask();
  EXPECT_EQ(ask.name, lease_of(url));
  EXPECT_EQ(ask.stalls_after, 4 * a.sharing.follow.patience);
  ASSERT_TRUE(until([&] { return leases.steps() > 1; }));
  gate->open();
  expect_right(first.get(), "miss");
  ASSERT_TRUE(idle(a, url));
  EXPECT_TRUE(at_rest(url));
}

// The disk hangs, and answers again when another instance has long taken over.
TEST_F(Peers, WhoseDiskHangsComesOnNoMoreAndPublishesNothingAfterThat) {
  auto gate = stops_at(100'000);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 100'000));
  std::promise<void> answers;
  auto answered = answers.get_future().share();
  std::atomic<int> hang = 0;
  for (int i = 0; i < 2; ++i)
    boost::asio::post(disk, [&hang, answered] {
      ++hang;
      answered.wait();
    });
  ASSERT_TRUE(until([&] { return hang == 2; }));
  gate->open();
  // What has come waits to be written; and what was written has been verified, at the latest now.
  ASSERT_TRUE(until([&] { return disk.waiting() > 0; }));
  std::size_t steps = 0;
  EXPECT_TRUE(until([&] { return std::exchange(steps, leases.steps()) == leases.steps(); }));
  leases.expire(lease_of(url));  // so the lease is lost
  auto fence = leases.holder(lease_of(url));
  EXPECT_FALSE(fence);
  leases.take(lease_of(url), "http://another:1");
  answers.set_value();
  expect_right(first.get(), "miss");
  ASSERT_TRUE(idle(a, url));
  EXPECT_FALSE(at_rest(url));
  EXPECT_EQ(noted(), std::nullopt);
  leases.expire(lease_of(url));
}

TEST_F(Peers, WrongBytesOfAPeerEndCleanlyForNobodyAndTheNextTimeNoPeerIsAsked) {
  auto gate = stops_at(150'000);
  peers.at(a.url, [](TestPeers::Peer& p) { p.wrong_at->store(1); });  // no xz at all
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 150'000));
  auto second = client(b, url).get();
  ASSERT_TRUE(second.error);
  EXPECT_EQ(second.error->kind(), ErrorKind::corrupt);
  EXPECT_LT(second.bytes.size(), size);
  EXPECT_EQ(peers.asked(a.url), Bytes{0});
  expect_right(client(b, url).get(), "miss");
  EXPECT_EQ(peers.asked(a.url), Bytes{0});
  EXPECT_FALSE(at_rest(url)) << "the other one has the lease";
  gate->open();
  expect_right(first.get(), "miss");
}

TEST_F(Peers, APeerThatGivesNothingIsGivenUpAfterAWhile) {
  b.sharing.follow.patience = std::chrono::milliseconds(50);
  auto gate = stops_at(50'000);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 50'000));
  int round = 0;
  for (auto& change : std::vector<std::function<void(TestPeers::Peer&)>>{
           [](TestPeers::Peer& p) { p.silent = true; },
           [](TestPeers::Peer& p) { p.refuses = Error(ErrorKind::upstream, "answered 403"); },
           [](TestPeers::Peer& p) { p.breaks_at->store(0); },
           [](TestPeers::Peer& p) { p.breaks_at->store(1); }}) {
    SCOPED_TRACE(round++);
    peers.at(a.url, [&](TestPeers::Peer& p) {
      p.silent = false;
      p.refuses.reset();
      p.breaks_at = std::make_shared<std::atomic<std::uint64_t>>(upstream::kNoByte);
      change(p);
    });
    auto got = client(b, url).get();
    EXPECT_FALSE(got.error);
    EXPECT_TRUE(got.bytes == sample.file);
    ASSERT_TRUE(idle(b, url));
    EXPECT_FALSE(at_rest(url));
  }
  EXPECT_EQ(leases.holder(lease_of(url))->note, a.url);
  gate->open();
  expect_right(first.get(), "miss");
}

TEST_F(Peers, WhoeverGivesNoAddressIsWaitedFor) {
  u.nar(sample.info.url, FakeNar{.bytes = sample.file});
  std::size_t asked = 0;
  for (auto note : {"", "nonsense", "http://b:1"}) {
    leases.take(lease_of(url), note);
    auto second = client(b, url);
    ASSERT_TRUE(until([&] { return b.downloads->find(url) != nullptr; }));
    EXPECT_EQ(u.asked(), asked);
    leases.expire(lease_of(url));
    auto got = second.get();
    EXPECT_TRUE(got.bytes == sample.file);
    ASSERT_TRUE(idle(b, url));
    EXPECT_TRUE(at_rest(url));
    EXPECT_EQ(u.asked(), ++asked);
    ASSERT_TRUE(run(store.remove(nar_key(url))));
  }
}

TEST_F(Peers, RangesAreTheSameEverywhere) {
  auto gate = stops_at(120'000);
  auto first = client(a, url, 1'000, 150'000);
  ASSERT_TRUE(has(a, url, 120'000));
  auto second = client(b, url, 60'000, 10'000), third = client(b, url, size - 10, 10);
  ASSERT_TRUE(has(b, url, 120'000));
  gate->open();
  EXPECT_TRUE(first.get().bytes == sample.file.substr(1'000, 150'000));
  EXPECT_TRUE(second.get().bytes == sample.file.substr(60'000, 10'000));
  EXPECT_TRUE(third.get().bytes == sample.file.substr(size - 10));
  EXPECT_EQ(u.asked(), 1u);
}

TEST_F(Peers, HowLargeItIsTakesNoLease) {
  u.nar(sample.info.url, FakeNar{.bytes = sample.file});
  EXPECT_EQ(run(b.nars->size_of(url, Deadline::never())).value(), size);
  EXPECT_EQ(leases.asked(), 0u);
}

TEST_F(Peers, WhereNobodyCanBeAskedForLeasesNothingIsFetched) {
  u.nar(sample.info.url, FakeNar{.bytes = sample.file});
  leases.away(true);
  auto got = client(a, url).get();
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->kind(), ErrorKind::unavailable);
  EXPECT_EQ(u.asked(), 0u);
  leases.away(false);
  expect_right(client(a, url).get(), "miss");
}

TEST_F(Peers, WhoFollowsAlreadyNeedsNobodyToAsk) {
  auto gate = stops_at(100'000);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 100'000));
  auto second = client(b, url);
  ASSERT_TRUE(has(b, url, 100'000));
  leases.away(true);
  gate->open();
  expect_right(second.get(), "peer");
  expect_right(first.get(), "miss");
  EXPECT_EQ(u.asked(), 1u);
}

TEST_F(Peers, ARemovedDownloadKeepsNobodyFromTheNext) {
  auto gate = stops_at(90'000);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 90'000));
  {
    auto removed = run(a.downloads->exclude(url, Deadline::after(std::chrono::seconds(20))));
    ASSERT_TRUE(removed);
  }
  expect_right(client(a, url).get(), "miss");  // while the other one still waits for its upstream
  EXPECT_TRUE(until([&] { return noted() == size; }));
  gate->open();
  expect_right(first.get(), "miss");
  EXPECT_TRUE(at_rest(url));
  EXPECT_EQ(u.asked(), 2u);
}

TEST_F(Peers, ARemovedDownloadEndsWhenAllIsCutOff) {
  auto gate = stops_at(90'000);
  auto first = client(a, url);
  ASSERT_TRUE(has(a, url, 90'000));
  {
    auto removed = run(a.downloads->exclude(url, Deadline::after(std::chrono::seconds(20))));
    ASSERT_TRUE(removed);
  }
  a.downloads->cut_off();
  EXPECT_TRUE(first.get().error);
  gate->open();
}

TEST_F(Peers, AFailedDownloadKeepsNobodyFromTheNext) {
  // Wrong bytes fail it while its coroutine still waits for more of them: nobody verifies before.
  auto wrong = sample.file;
  wrong[1] ^= 1;  // no xz at all
  auto gate = std::make_shared<testing::Gate>();
  u.nar(sample.info.url,
        {{.bytes = wrong, .gate = gate, .gate_at = 150'000}, {.bytes = sample.file}});
  std::promise<void> verify;
  auto may_verify = verify.get_future().share();
  for (std::size_t i = 0; i < cpu.threads(); ++i)
    boost::asio::post(cpu, [may_verify] { may_verify.wait(); });
  auto first = client(a, url);
  ASSERT_TRUE(gate->wait_for(1));
  verify.set_value();
  ASSERT_TRUE(first.get().error);
  expect_right(client(b, url).get(), "miss");
  gate->open();
}

}  // namespace
}  // namespace ncps::cache
