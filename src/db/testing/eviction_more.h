// More of what every Eviction promises: narinfos and objects alone, uploads; and Pins.
#pragma once

#include "db/testing/eviction_contract.h"

namespace ncps::db {

TEST_P(EvictionContract, NarInfosSayWhetherTheirNarIsHereAndGoAlone) {
  announce('a', 'a'), announce('b', 'b');
  store('b', 1, 5);
  use_narinfo('a', 1), use_narinfo('b', 2);
  auto all = narinfos();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].hash, hash('a'));
  EXPECT_FALSE(all[0].nar_at_rest);
  EXPECT_TRUE(all[1].nar_at_rest);
  EXPECT_TRUE(run(database->eviction->drop(all[0])).value());
  EXPECT_FALSE(run(database->eviction->drop(all[0])).value());
  EXPECT_FALSE(run(database->catalog->find_narinfo(hash('a'))).value());
  EXPECT_TRUE(run(database->catalog->find_nar(url('a'))).value());
}

TEST_P(EvictionContract, AnObjectIsListedAndDropped) {
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(
        run(database->eviction->note_objects({{"store/log/b", 2}, {"store/log/B", 3}}, at(1))));
  auto all = run(database->eviction->objects({}, 10)).value();
  ASSERT_EQ(all.size(), 2u) << "names are compared byte by byte";
  EXPECT_TRUE(run(database->eviction->drop(all[0])).value());
  EXPECT_FALSE(run(database->eviction->drop(all[0])).value());
  EXPECT_EQ(run(database->eviction->totals()).value().object_bytes, all[1].size);
}

// The lifetime of an upload: NAR first, then its narinfo.
TEST_P(EvictionContract, ANarWithoutNarInfoAwaitsItForTheGraceTime) {
  announce('a', 'a', ""), announce('b', 'b');
  store('a', 1, 10), store('b', 1, 10);
  for (const auto& info : narinfos()) EXPECT_TRUE(run(database->eviction->drop(info)).value());
  auto awaits = [&](int grace_minute) {
    std::string text;
    for (const auto& nar : run(database->eviction->nars({}, 9, at(grace_minute))).value())
      if (nar.awaits_narinfo) text += nar.url.stem();
    return text;
  };
  EXPECT_EQ(awaits(9), "a") << "b is an upstream's, and can be fetched again";
  EXPECT_EQ(awaits(11), "");
  announce('c', 'a', "");
  EXPECT_EQ(awaits(9), "");
}

TEST_P(EvictionContract, PinsAreListedInTheirOrder) {
  EXPECT_TRUE(run(database->pins->list()).value().empty());
  EXPECT_TRUE(run(database->pins->add({hash('b'), ""})).value());
  EXPECT_TRUE(run(database->pins->add({hash('a'), "/nix/store/x-'a'"})).value());
  EXPECT_FALSE(run(database->pins->add({hash('a'), ""})).value());
  EXPECT_FALSE(run(database->pins->add({hash('b'), "/nix/store/b"})).value());
  auto pins = run(database->pins->list()).value();
  ASSERT_EQ(pins.size(), 2u);
  EXPECT_EQ(pins[0].hash, hash('b'));
  EXPECT_EQ(pins[0].store_path, "/nix/store/b");
  EXPECT_EQ(pins[1].store_path, "/nix/store/x-'a'");
  EXPECT_TRUE(run(database->pins->remove(hash('b'))).value());
  EXPECT_FALSE(run(database->pins->remove(hash('b'))).value());
  EXPECT_EQ(run(database->pins->list()).value().size(), 1u);
}

TEST_P(EvictionContract, WhoeverLostTheRoundDropsNothing) {
  announce('a', 'a'), announce('b', 'b');
  store('a', 1, 1), store('b', 1, 2);
  ASSERT_TRUE(run(database->eviction->note_objects({{"store/log/x", 7}}, at(1))));
  constexpr std::uint64_t kOlder = 1'760'000'000'000'000, kNewer = kOlder + 1;  // as from a clock
  EXPECT_TRUE(run(database->eviction->claim_round(kOlder)).value());
  EXPECT_TRUE(run(database->eviction->claim_round(kOlder)).value()) << "it is its own";
  EXPECT_TRUE(run(database->eviction->claim_round(kNewer)).value());
  EXPECT_FALSE(run(database->eviction->claim_round(kOlder)).value());
  auto nar = nars()[0];
  auto info = narinfos()[0];
  auto object = run(database->eviction->objects({}, 10)).value().at(0);
  EXPECT_FALSE(run(database->eviction->drop(nar, kOlder)).value());
  EXPECT_FALSE(run(database->eviction->drop(info, kOlder)).value());
  EXPECT_FALSE(run(database->eviction->drop(object, kOlder)).value());
  EXPECT_EQ(listed(), "a:1[a] b:1[b] ");
  EXPECT_TRUE(run(database->eviction->drop(nar, kNewer)).value());
  EXPECT_TRUE(run(database->eviction->drop(object, kNewer + 5)).value());
  EXPECT_TRUE(run(database->eviction->drop(nars()[0])).value())
      << "without a lease nobody is fenced";
}

}  // namespace ncps::db
