// What a Catalog promises about which NARs were used, and which are at rest. Part of the contract.
#pragma once

#include "db/testing/catalog_contract.h"

namespace ncps::db {

class CatalogUses : public CatalogContract {
 protected:
  static std::chrono::sys_seconds at(int minute) {
    return std::chrono::sys_days(std::chrono::January / 1 / 2030) + std::chrono::minutes(minute);
  }
  // A narinfo, its NAR, and the NAR at rest.
  NarRow add(char c, std::uint64_t size) {
    auto row = nar(std::string("nar/") + c + ".nar.xz");
    EXPECT_TRUE(run(catalog->put_narinfo(narinfo(c, row), row)));
    EXPECT_TRUE(run(catalog->mark_stored(row.url, size)));
    return row;
  }
  // "b:2 a:1": the least used first, with their sizes.
  std::string least(std::size_t most) {
    std::string text;
    for (const auto& one : run(catalog->least_used(most)).value())
      text += std::string(one.url.stem()) + ":" + std::to_string(one.size) + " ";
    return text;
  }
};

TEST_P(CatalogUses, WithoutAnyNarAtRestThereIsNoneToName) {
  EXPECT_EQ(least(10), "");
  auto row = nar("nar/a.nar.xz");
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('a', row), row)));
  EXPECT_EQ(least(10), "");
}

TEST_P(CatalogUses, WhatWasUsedLongestAgoComesFirst) {
  auto a = add('a', 1), b = add('b', 5'000'000'000), c = add('c', 3);
  ASSERT_TRUE(run(catalog->note_uses({.narinfos = {}, .nars = {a.url}}, at(3))));
  ASSERT_TRUE(run(catalog->note_uses({.narinfos = {hash('b')}, .nars = {}}, at(1))));
  ASSERT_TRUE(run(catalog->note_uses({.narinfos = {hash('x')}, .nars = {c.url}}, at(2))));
  EXPECT_EQ(least(10), "b:5000000000 c:3 a:1 ");
  EXPECT_EQ(least(2), "b:5000000000 c:3 ");
  EXPECT_EQ(least(0), "");
}

TEST_P(CatalogUses, WhatIsGoneIsNotAtRestAndTheWayToItStays) {
  auto a = add('a', 1), b = add('b', 2);
  ASSERT_TRUE(run(catalog->note_uses({.narinfos = {hash('a'), hash('b')}, .nars = {}}, at(1))));
  ASSERT_TRUE(run(catalog->mark_gone({a.url, nar("nar/none.nar").url})));
  EXPECT_EQ(least(10), "b:2 ");
  auto row = run(catalog->find_nar(a.url)).value();
  ASSERT_TRUE(row);
  EXPECT_EQ(row->stored_size, std::nullopt);
  EXPECT_EQ(row->upstream_url, a.upstream_url);
  EXPECT_TRUE(run(catalog->find_narinfo(hash('a'))).value());
  ASSERT_TRUE(run(catalog->mark_stored(a.url, 9)));
  EXPECT_EQ(least(10).find("a:9") == std::string::npos, false);
}

TEST_P(CatalogUses, AsManyAsFitAtOnce) {
  Uses uses;
  for (std::size_t i = 0; i < Catalog::kMostAtOnce; ++i)
    uses.nars.push_back(nix::NarUrl::parse("nar/" + std::to_string(i) + ".nar").value());
  EXPECT_TRUE(run(catalog->mark_gone(uses.nars)));
  EXPECT_TRUE(run(catalog->note_uses(std::move(uses), at(1))));
  EXPECT_EQ(least(Catalog::kMostAtOnce), "");
}

TEST_P(CatalogUses, ASmallerFenceMarksNothing) {
  auto n = nar("nar/fenced.nar.xz");
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('c', n), n)));
  auto size = [&] { return run(catalog->find_nar(n.url)).value()->stored_size; };
  constexpr std::uint64_t kOlder = 1'760'000'000'000'000, kNewer = kOlder + 1;  // as from a clock
  EXPECT_TRUE(run(catalog->claim(n.url, kOlder)).value());
  EXPECT_TRUE(run(catalog->claim(n.url, kNewer)).value());
  EXPECT_TRUE(run(catalog->claim(n.url, kNewer)).value()) << "it is its own";
  EXPECT_FALSE(run(catalog->claim(n.url, kOlder)).value());
  ASSERT_TRUE(run(catalog->mark_stored(n.url, 1, kOlder)));
  EXPECT_EQ(size(), std::nullopt);
  ASSERT_TRUE(run(catalog->mark_stored(n.url, 2, kNewer)));
  EXPECT_EQ(size(), 2u);
  ASSERT_TRUE(run(catalog->mark_stored(n.url, 3, kOlder)));
  EXPECT_EQ(size(), 2u);
  EXPECT_TRUE(run(catalog->claim(n.url, 0)).value()) << "0 is no fence";
  ASSERT_TRUE(run(catalog->mark_stored(n.url, 4)));
  EXPECT_EQ(size(), 4u);
}

TEST_P(CatalogUses, OfWhatWasNeverAnnouncedThereIsNothingToFence) {
  auto url = nar("nar/unknown.nar.xz").url;
  EXPECT_TRUE(run(catalog->claim(url, 7)).value());
  EXPECT_TRUE(run(catalog->claim(url, 6)).value());
}

// What a narinfo that comes anew writes must not forget it.
TEST_P(CatalogUses, AFenceOutlivesTheNextNarInfo) {
  auto n = nar("nar/kept.nar.xz");
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('c', n), n)));
  ASSERT_TRUE(run(catalog->claim(n.url, 7)).value());
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('c', n), n)));
  EXPECT_FALSE(run(catalog->claim(n.url, 6)).value());
}

}  // namespace ncps::db
