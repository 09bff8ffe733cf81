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

}  // namespace ncps::db
