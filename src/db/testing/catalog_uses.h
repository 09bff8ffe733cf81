// What a Catalog promises about uses, and about who may say that a NAR is at rest. Part of the contract; in which
// order uses put what is kept: eviction_contract.h.
#pragma once

#include "db/testing/catalog_contract.h"

namespace ncps::db {

class CatalogUses : public CatalogContract {
 protected:
  static std::chrono::sys_seconds at(int minute) {
    return std::chrono::sys_days(std::chrono::January / 1 / 2030) + std::chrono::minutes(minute);
  }
};

TEST_P(CatalogUses, AsManyAsFitAtOnce) {
  Uses uses;
  for (std::size_t i = 0; i < Catalog::kMostAtOnce; ++i)
    uses.nars.push_back(nix::NarUrl::parse("nar/" + std::to_string(i) + ".nar").value());
  EXPECT_TRUE(run(catalog->note_uses(std::move(uses), at(1))));
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
