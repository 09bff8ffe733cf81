#include "cache/removal.h"

#include "cache/testing/upload_fixture.h"

namespace ncps::cache {
namespace {

struct RemovalTest : UploadFixture {
  bool remove(const Sample& sample) {
    auto before = forgot();
    auto removed = run(removal.narinfo(sample.hash())).value();
    EXPECT_EQ(forgot() - before, removed.found ? 1u : 0u);
    return removed.found;
  }
  std::size_t forgot() const {
    return forgotten.with([](const auto& all) { return all.size(); });
  }
  upstream::FakeUpstream& from = add_upstream("from");
  std::size_t files() { return files_in("store") - files_in("store/tmp"); }
};

TEST_F(RemovalTest, ANarInfoTakesItsNarWithIt) {
  auto sample = make_sample("one");
  send(sample);
  TextBody listing("{}");
  auto path = nix::ObjectPath::parse(std::string(sample.hash().str()) + ".ls").value();
  ASSERT_EQ(said(run(object_uploads.put(path, listing, nix::Compression::none))), "kept");
  EXPECT_TRUE(remove(sample));
  EXPECT_EQ(served(sample), "");
  EXPECT_EQ(files(), 0u);
  EXPECT_FALSE(run(catalog.find_nar(sample.url())).value());
  EXPECT_FALSE(remove(sample));
  send(sample);
  EXPECT_EQ(served(sample), sample.text());
}

TEST_F(RemovalTest, ANarThatAnotherNarInfoHasStays) {
  auto one = make_sample("one"), two = one;
  two.info.store_path = make_sample("two").info.store_path;
  send(one);
  EXPECT_EQ(put_nar(two), "here");
  EXPECT_EQ(put_info(two), "kept");
  EXPECT_TRUE(remove(one));
  EXPECT_TRUE(at_rest(one.url()));
  EXPECT_EQ(served(one), "");
  EXPECT_EQ(served(two), two.text());
  EXPECT_TRUE(remove(two));
  EXPECT_EQ(files(), 0u);
}

TEST_F(RemovalTest, ANarTakesAllItsNarInfosWithIt) {
  auto one = make_sample("one"), two = one, other = make_sample("other");
  two.info.store_path = make_sample("two").info.store_path;
  for (const auto& sample : {one, two, other}) {
    put_nar(sample);
    ASSERT_EQ(put_info(sample), "kept");
  }
  auto removed = run(removal.nar(one.url())).value();
  EXPECT_TRUE(removed.found);
  EXPECT_EQ(forgot(), 2u);
  EXPECT_EQ(served(one) + served(two), "");
  EXPECT_FALSE(at_rest(one.url()));
  EXPECT_EQ(served(other), other.text());
  EXPECT_FALSE(run(removal.nar(one.url())).value().found);
}

TEST_F(RemovalTest, WithoutRowsTheFilesAreFoundAllTheSame) {
  auto one = make_sample("one"), two = make_sample("two");
  send(one);
  send(two);
  lose_rows(one);
  lose_rows(two);
  EXPECT_TRUE(remove(one));
  EXPECT_TRUE(run(removal.nar(two.url())).value().found);
  EXPECT_FALSE(at_rest(one.url()));
  EXPECT_FALSE(at_rest(two.url()));
}

TEST_F(RemovalTest, WhatWasInterruptedCanBeDoneAgain) {
  auto sample = make_sample("one");
  bool fired = true;
  for (int n = 1; fired; ++n) {
    put_nar(sample);
    ASSERT_EQ(put_info(sample), "kept");
    faults.fail_nth(n);
    auto removed = run(removal.nar(sample.url()));
    fired = faults.fired();
    EXPECT_EQ(removed.has_value(), !fired) << n;
    faults.heal();
    ASSERT_TRUE(run(removal.nar(sample.url()))) << n;
    EXPECT_EQ(files(), 0u) << n;
    EXPECT_EQ(served(sample), "") << n;
  }
}

TEST_F(RemovalTest, WhatWasInterruptedByItsNarInfoCanBeDoneAgain) {
  auto sample = make_sample("one");
  for (bool with_rows : {true, false}) {
    bool fired = true;
    for (int n = 1; fired; ++n) {
      put_nar(sample);
      ASSERT_EQ(put_info(sample), "kept");
      if (!with_rows) lose_rows(sample);
      faults.fail_nth(n);
      auto removed = run(removal.narinfo(sample.hash()));
      fired = faults.fired();
      EXPECT_EQ(removed.has_value(), !fired) << n;
      faults.heal();
      auto again = run(removal.narinfo(sample.hash()));
      ASSERT_TRUE(again) << n;
      EXPECT_EQ(again->found, fired) << n;
      EXPECT_EQ(files(), 0u) << n << " " << with_rows;
      EXPECT_EQ(served(sample), "") << n;
      EXPECT_FALSE(run(catalog.find_nar(sample.url())).value()) << n;
    }
  }
}

TEST_F(RemovalTest, WhatWasInterruptedAndIsGoneByAnotherWayIsNotThereAnyMore) {
  auto sample = make_sample("one");
  bool fired = true;
  for (int n = 1; fired; ++n) {
    put_nar(sample);
    ASSERT_EQ(put_info(sample), "kept");
    faults.fail_nth(n);
    static_cast<void>(run(removal.narinfo(sample.hash())));
    fired = faults.fired();
    faults.heal();
    put_nar(sample);  // it comes back
    put_info(sample);
    EXPECT_EQ(served(sample), sample.text()) << n;
    ASSERT_TRUE(run(removal.nar(sample.url()))) << n;
    EXPECT_FALSE(remove(sample)) << n;
  }
}

// Takes the NAR's lock, begins to remove the NAR, and waits until the removal has the narinfo's.
struct RemovalLocks : RemovalTest {
  std::optional<KeyLocks<nix::NarUrl>::Held> busy;
  std::future<Result<Removed>> removing;

  bool narinfo_is_locked(const Sample& sample) {
    for (auto patience = Deadline::after(std::chrono::seconds(20)); !patience.passed();) {
      if (!locks.narinfos.try_take(sample.hash())) return true;
      std::this_thread::yield();
    }
    return false;
  }
  void begin(const Sample& sample) {
    auto held = locks.nars.try_take(sample.url());
    ASSERT_TRUE(held);
    busy.emplace(std::move(*held));
    removing = std::async(std::launch::async, [&] { return run(removal.nar(sample.url())); });
  }
};

TEST_F(RemovalLocks, NoNarInfoOfItIsSentMeanwhile) {
  auto sample = make_sample("one");
  send(sample);
  begin(sample);
  EXPECT_TRUE(narinfo_is_locked(sample));
  busy.reset();
  EXPECT_TRUE(removing.get().value().found);
  EXPECT_EQ(files(), 0u);
}

TEST_F(RemovalLocks, ANarInfoThatCameMeanwhileGoesToo) {
  auto one = make_sample("one"), two = one;
  two.info.store_path = make_sample("two").info.store_path;
  send(one);
  begin(one);
  EXPECT_TRUE(narinfo_is_locked(one));
  auto key = narinfo_key(two.hash());
  ASSERT_TRUE(run(real_store->put_text(key, two.text(), storage::IfExists::keep)));
  ASSERT_TRUE(run(real_catalog->put_narinfo(
      {.hash = two.hash(), .text = two.text(), .upstream = {}, .nar_url = two.url()},
      two.row(""))));
  busy.reset();
  auto removed = removing.get().value();
  EXPECT_TRUE(removed.found);
  EXPECT_EQ(forgot(), 2u);
  EXPECT_EQ(served(one) + served(two), "");
  EXPECT_EQ(files(), 0u);
}

TEST_F(RemovalTest, WhatIsOnItsWayReachesWhoAskedAndIsNotKept) {
  for (bool by_narinfo : {false, true}) {
    auto sample = signed_sample(by_narinfo ? "a" : "b", 30'000);
    auto gate = std::make_shared<testing::Gate>();
    from.narinfo(sample.hash(), std::optional(sample.text()));
    from.nar(sample.info.url, {.bytes = sample.file, .gate = gate, .gate_at = 1});
    ASSERT_NE(served(sample), "");
    auto client = get_meanwhile(sample.url());
    ASSERT_TRUE(gate->wait_for(1));
    auto removed =
        by_narinfo ? run(removal.narinfo(sample.hash())) : run(removal.nar(sample.url()));
    EXPECT_TRUE(removed.value().found);
    gate->open();
    auto got = client.get().value();
    EXPECT_FALSE(got.error);
    EXPECT_TRUE(got.bytes == sample.file);
    restart();
    EXPECT_FALSE(at_rest(sample.url()));
  }
}

TEST_F(RemovalTest, WhoReadsANarGoesOnReading) {
  auto sample = make_sample("one", 2'000'000);
  send(sample);
  auto nar = run(nars->open(sample.url(), Deadline::never())).value();
  auto source = nar.read(0, nar.size());
  EXPECT_TRUE(run(removal.nar(sample.url())).value().found);
  auto drained = run(testing::drain(std::move(source))).value();
  EXPECT_FALSE(drained.error);
  EXPECT_TRUE(drained.bytes == sample.file);
}

TEST_F(RemovalTest, ARequestThatIsUnderWayDoesNotWriteItBack) {
  for (bool reloaded : {false, true}) {
    auto sample = signed_sample(reloaded ? "a" : "b");
    offer(from, sample);
    auto gate = std::make_shared<testing::Gate>();
    from.narinfos_wait(gate);
    auto asking = std::async(std::launch::async, [&] { return find(sample); });
    ASSERT_TRUE(gate->wait_for(1));
    if (reloaded) service->use(policy);
    auto nar = sample.row("from");  // as another instance would
    ASSERT_TRUE(run(real_catalog->put_narinfo(
        {.hash = sample.hash(), .text = sample.text(), .upstream = "from", .nar_url = nar.url},
        nar)));
    auto removing =
        std::async(std::launch::async, [&] { return run(removal.narinfo(sample.hash())); });
    // Time for a removal that waits for nobody, to be seen through.
    removing.wait_for(std::chrono::milliseconds(500));
    gate->open();
    EXPECT_TRUE(asking.get().value());
    EXPECT_TRUE(removing.get().value().found);
    EXPECT_FALSE(kept(sample)) << reloaded;
  }
}

}  // namespace
}  // namespace ncps::cache
