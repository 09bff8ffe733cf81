// Whom NarInfoService asks, what it believes, and what it remembers.
#include "cache/nar_info_service.h"

#include <fstream>

#include "cache/testing/nar_info_fixture.h"

namespace ncps::cache {
namespace {

using NarInfoServiceTest = NarInfoFixture;

TEST_F(NarInfoServiceTest, AHundredFindsOfOneColdHashAreOneRequest) {
  auto& a = add_upstream("a");
  auto sample = signed_sample("hello-1.0");
  offer(a, sample);
  auto gate = std::make_shared<testing::Gate>();
  a.narinfos_wait(gate);
  TaskGroup clients;
  std::atomic<int> right = 0;
  auto client = [&]() -> boost::asio::awaitable<void> {
    auto got = co_await service->find(sample.hash(), Asked::by_head,
                                      Deadline::after(std::chrono::minutes(1)));
    right += got && *got && (*got)->text.starts_with("StorePath: " + sample.info.store_path.str());
  };
  for (int i = 0; i < 100; ++i) clients.spawn(runtime.next_executor(), "client", client());
  ASSERT_TRUE(gate->wait_for(1));
  gate->open();
  ASSERT_TRUE(clients.join_blocking(Deadline::after(std::chrono::minutes(1))));
  EXPECT_EQ(right, 100);
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(NarInfoServiceTest, TheUpstreamOfTheLowestPriorityNumberIsAskedFirst) {
  auto& late = add_upstream("late", 50);
  auto& early = add_upstream("early", 10);
  auto sample = signed_sample("hello-1.0");
  offer(late, sample);
  offer(early, sample);
  EXPECT_EQ(find(sample).value()->how, "miss");
  EXPECT_EQ(early.asked(), 1u);
  EXPECT_EQ(late.asked(), 0u);
}

TEST_F(NarInfoServiceTest, WhatTheFirstDoesNotGiveTheSecondDoes) {
  auto& a = add_upstream("a");
  auto& b = add_upstream("b");
  auto missing = signed_sample("missing"), failing = signed_sample("failing"),
       garbled = signed_sample("garbled"), other = signed_sample("other"),
       unsigned_there = signed_sample("unsigned");
  a.narinfo(failing.hash(), std::unexpected(down()));
  a.narinfo(garbled.hash(), std::optional<std::string>("this is no narinfo"));
  a.narinfo(other.hash(), std::optional(missing.text()));
  auto bare = unsigned_there;
  bare.info.signatures.clear();
  offer(a, bare);
  for (const auto* sample : {&missing, &failing, &garbled, &other, &unsigned_there}) {
    offer(b, *sample);
    auto info = found(*sample);
    EXPECT_EQ(info.store_path, sample->info.store_path);
    EXPECT_EQ(run(catalog.find_narinfo(sample->hash())).value()->upstream, "b");
  }
}

TEST_F(NarInfoServiceTest, AbsentMeansThatEveryUpstreamSaidSo) {
  add_upstream("a");
  auto& b = add_upstream("b");
  add_upstream("c");
  auto sample = signed_sample("hello-1.0");
  EXPECT_FALSE(find(sample).value());
  b.narinfo(sample.hash(), std::unexpected(down()));
  auto answer = find(sample);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind(), ErrorKind::upstream);
  offer(b, sample);
  EXPECT_TRUE(find(sample).value());  // nor the failure
}

TEST_F(NarInfoServiceTest, WithoutUpstreamsEverythingIsAbsent) {
  EXPECT_FALSE(find(signed_sample("hello-1.0")).value());
}

TEST_F(NarInfoServiceTest, AnotherPathThanAskedForIsCorruptAndNotKept) {
  auto& a = add_upstream("a");
  auto asked = signed_sample("asked"), answered = signed_sample("answered");
  a.narinfo(asked.hash(), std::optional(answered.text()));
  EXPECT_EQ(find(asked).error().kind(), ErrorKind::corrupt);
  EXPECT_FALSE(kept(asked) || kept(answered));
}

TEST_F(NarInfoServiceTest, WhatNobodyTrustedHasSignedIsPassedOverAndNotKept) {
  auto& a = add_upstream("a");
  auto base = make_sample("hello-1.0", 2'000);
  auto stranger = nix::SecretKey::generate("stranger").value();
  auto impostor = nix::SecretKey::generate(upstream_key.name()).value();
  auto unsigned_ = base, strangers = base, impostors = base, moved = base, own = base;
  strangers.sign(stranger);
  impostors.sign(impostor);
  moved.info.signatures = signed_sample("another-path").info.signatures;
  own.sign(own_key);  // ours is no upstream's
  auto changed = base;
  changed.sign(upstream_key);
  changed.info.nar_size += 1;
  auto more = base;
  more.sign(upstream_key);
  more.info.references.push_back(signed_sample("reference").info.store_path);
  for (const auto* sample : {&unsigned_, &strangers, &impostors, &moved, &own, &changed, &more}) {
    offer(a, *sample);
    EXPECT_FALSE(find(*sample, Asked::by_get).value());
    EXPECT_FALSE(kept(*sample));
  }
  // Four were signed in a trusted name, and looked at twice; nor was any NAR fetched.
  EXPECT_EQ(a.asked(), 7u + 4u);
}

TEST_F(NarInfoServiceTest, OneGoodSignatureAmongWrongOnesIsEnough) {
  auto& a = add_upstream("a");
  auto sample = make_sample("hello-1.0", 2'000);
  sample.sign(nix::SecretKey::generate("stranger").value());
  sample.sign(nix::SecretKey::generate(upstream_key.name()).value());
  sample.sign(upstream_key);
  offer(a, sample);
  EXPECT_EQ(found(sample).signatures.size(), 4u);
}

TEST_F(NarInfoServiceTest, WithoutKeysItIsKeptUnverifiedAndSignedOnlyIfAskedTo) {
  auto& a = add_upstream("a");
  auto sample = make_sample("hello-1.0", 2'000);
  offer(a, sample);
  auto none = trust();
  none.upstream_keys.clear();
  restart(none);
  EXPECT_TRUE(found(sample).signatures.empty());
  EXPECT_TRUE(found(sample).signatures.empty());  // from what is kept, too
  none.sign_unverified = true;
  restart(none);
  auto info = found(sample);
  EXPECT_TRUE(nix::signed_by_any(nix::fingerprint(info), info.signatures, {own_key.public_key()}));
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(NarInfoServiceTest, WhatCameInWithoutKeysIsNotTrustedOnceThereAreSome) {
  auto& a = add_upstream("a");
  auto bare = make_sample("hello-1.0", 2'000);
  offer(a, bare);
  auto none = trust();
  none.upstream_keys.clear();
  restart(none);
  ASSERT_TRUE(find(bare).value());
  restart();
  EXPECT_FALSE(find(bare).value());
  auto good = bare;
  good.sign(upstream_key);
  offer(a, good);
  EXPECT_EQ(found(good).signatures.size(), 2u);  // the upstream's and ours
}

TEST_F(NarInfoServiceTest, OurSignatureIsThereOnceAndTheUpstreamsStay) {
  auto& a = add_upstream("a");
  auto sample = signed_sample("hello-1.0");
  auto older = nix::SecretKey::generate(own_key.name()).value();
  sample.sign(older);
  sample.sign(own_key);
  sample.sign(own_key);
  offer(a, sample);
  for (int i = 0; i < 3; ++i) {
    auto info = found(sample);
    ASSERT_EQ(info.signatures.size(), 2u);
    EXPECT_EQ(info.signatures[0], sample.info.signatures[0]);
    EXPECT_EQ(info.signatures[1], own_key.sign(nix::fingerprint(sample.info)).value());
    if (i == 1) restart();
  }
}

TEST_F(NarInfoServiceTest, ANewKeyAndSigningOffActAtOnce) {
  auto& a = add_upstream("a");
  auto sample = signed_sample("hello-1.0");
  offer(a, sample);
  ASSERT_EQ(found(sample).signatures.size(), 2u);
  auto with = trust();
  with.signing_keys = {nix::SecretKey::generate("newer").value()};
  restart(with);
  auto info = found(sample);
  ASSERT_EQ(info.signatures.size(), 2u);
  EXPECT_EQ(info.signatures[1].key_name, "newer");
  with.signing_keys.clear();
  restart(with);
  EXPECT_EQ(found(sample).signatures, sample.info.signatures);
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(NarInfoServiceTest, OnceFoundNoUpstreamIsNeeded) {
  auto& a = add_upstream("a");
  auto sample = signed_sample("hello-1.0");
  offer(a, sample);
  auto first = find(sample).value().value();
  a.narinfo(sample.hash(), std::unexpected(down()));
  auto second = find(sample).value().value();
  restart();
  auto third = find(sample).value().value();
  EXPECT_EQ(second.how, "hit");
  EXPECT_EQ(third.how, "hit");
  EXPECT_EQ(second.text, first.text);
  EXPECT_EQ(third.text, first.text);
  EXPECT_EQ(third.etag, first.etag);
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(NarInfoServiceTest, OtherKeysAndUpstreamsActFromTheNextRequestOn) {
  auto& a = add_upstream("a");
  auto sample = signed_sample("hello-1.0");
  offer(a, sample);
  EXPECT_EQ(found(sample).signatures.size(), 2u);
  live_trust.replace({.upstream_keys = {upstream_key.public_key()}, .signing_keys = {}});
  EXPECT_EQ(found(sample).signatures.size(), 1u);  // signing was switched off
  auto stranger = nix::SecretKey::generate("stranger-1").value();
  live_trust.replace({.upstream_keys = {stranger.public_key()}, .signing_keys = {own_key}});
  upstreams.replace({});
  EXPECT_FALSE(find(sample).value());  // its key is not trusted any more, and nobody else has it
}

TEST_F(NarInfoServiceTest, TheStoreAloneIsEnough) {
  auto& a = add_upstream("a");
  auto sample = signed_sample("hello-1.0");
  offer(a, sample);
  auto first = find(sample).value().value();
  a.narinfo(sample.hash(), std::unexpected(down()));
  std::filesystem::create_directories(root.path() / "other");
  auto empty = db::open_sqlite(root.path() / "other" / "db.sqlite").value();  // the row is lost
  NarInfoService other(runtime, store, *empty, upstreams, *downloads, cpu, live_trust);
  auto got =
      run(other.find(sample.hash(), Asked::by_head, Deadline::after(std::chrono::minutes(1))));
  EXPECT_EQ(got.value().value().text, first.text);
  EXPECT_EQ(got.value()->how, "hit");
  EXPECT_TRUE(run(empty->find_narinfo(sample.hash())).value());  // the index is whole again
  EXPECT_TRUE(run(empty->find_nar(sample.url())).value());
  EXPECT_EQ(a.asked(), 1u);
  EXPECT_TRUE(other.stop(Deadline::never()));
}

TEST_F(NarInfoServiceTest, IfRowAndFileAreDamagedTheUpstreamIsAskedAgain) {
  auto& a = add_upstream("a");
  auto sample = signed_sample("hello-1.0");
  auto another = signed_sample("another");
  offer(a, sample);
  auto first = find(sample).value().value();
  auto bad_signature = sample;
  bad_signature.info.signatures.clear();
  std::size_t asked = 1;
  for (const auto& damage : {std::string(), std::string("garbage"), sample.text().substr(0, 80),
                             another.text(), bad_signature.text()}) {
    SCOPED_TRACE(damage);
    auto row = run(catalog.find_narinfo(sample.hash())).value().value();
    row.text = "damaged";
    ASSERT_TRUE(run(catalog.put_narinfo(row, sample.row("a"))));
    std::filesystem::remove(file_of(sample));
    std::ofstream(file_of(sample)) << damage;
    auto got = find(sample).value().value();
    EXPECT_EQ(got.text, first.text);
    EXPECT_EQ(a.asked(), ++asked);
    EXPECT_EQ(find(sample).value()->how, "hit");  // and mended
    std::ifstream file(file_of(sample));
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), sample.text());
  }
}

TEST_F(NarInfoServiceTest, ARowOfAnotherPathIsNotServed) {
  auto& a = add_upstream("a");
  auto sample = signed_sample("hello-1.0"), another = signed_sample("another");
  offer(a, sample);
  auto first = find(sample).value().value();
  auto row = run(catalog.find_narinfo(sample.hash())).value().value();
  row.text = another.text();
  ASSERT_TRUE(run(catalog.put_narinfo(row, sample.row("a"))));
  EXPECT_EQ(find(sample).value().value().text, first.text);
}

TEST_F(NarInfoServiceTest, ANewNarInfoFetchesItsNarIfAskedTo) {
  auto& a = add_upstream("a");
  for (auto asked : {Asked::by_get, Asked::by_head}) {
    auto sample = signed_sample(asked == Asked::by_get ? "get" : "head");
    offer(a, sample);
    a.nar(sample.info.url, {.bytes = sample.file});
    ASSERT_TRUE(find(sample, asked).value());
    if (auto spool = downloads->find(sample.url())) EXPECT_FALSE(outcome(spool));
    restart();
    EXPECT_EQ(at_rest(sample.url()), asked == Asked::by_get);
    ASSERT_TRUE(find(sample, Asked::by_get).value());  // not new any more
    restart();
    EXPECT_EQ(at_rest(sample.url()), asked == Asked::by_get);
  }
}

// Who asks for much that nobody has keeps nobody from what is here.
TEST_F(NarInfoServiceTest, MissesBeyondTheirBoundDoNotRefuseWhatHasARow) {
  auto& upstream = add_upstream("a");
  auto sample = signed_sample("hello");
  offer(upstream, sample);
  ASSERT_TRUE(find(sample).value());
  auto gate = std::make_shared<testing::Gate>();
  upstream.narinfos_wait(gate);
  ASSERT_TRUE(service->stop(Deadline::never()));
  service = std::make_unique<NarInfoService>(runtime, store, catalog, upstreams, *downloads, cpu,
                                             live_trust, policy, 2);
  std::vector<std::future<Result<std::optional<ServedNarInfo>>>> misses;
  for (int i = 0; i < 2; ++i) {
    auto missing = signed_sample("missing-" + std::to_string(i));
    misses.push_back(std::async(std::launch::async, [this, missing] { return find(missing); }));
  }
  ASSERT_TRUE(gate->wait_for(2));
  EXPECT_EQ(failure_of(find(signed_sample("one-more"))), ErrorKind::unavailable);
  auto found = find(sample);
  EXPECT_EQ(failure_of(found), std::nullopt);
  gate->open();
  for (auto& miss : misses) EXPECT_EQ(failure_of(miss.get()), std::nullopt);
  EXPECT_EQ(failure_of(find(signed_sample("one-more"))), std::nullopt);
}

}  // namespace
}  // namespace ncps::cache
