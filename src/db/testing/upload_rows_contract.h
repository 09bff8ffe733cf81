// What a Catalog promises about what clients send and remove. Part of the contract.
#pragma once

#include <algorithm>

#include "db/testing/catalog_contract.h"
#include "db/upload_rows.h"

namespace ncps::db {

class UploadRowsContract : public CatalogContract {
 protected:
  UploadRows& rows() { return catalog->uploads(); }
  static NarRow at_rest(std::string_view url, std::uint64_t size = 5'000'000'001) {
    auto row = nar(url);
    row.upstream.clear();
    row.stored_size = size;
    return row;
  }
  std::string narinfos_of(const NarRow& of) {
    std::string text;
    for (const auto& one : run(rows().narinfos_of(of.url)).value()) text += one.str().substr(0, 1);
    std::ranges::sort(text);
    return text;
  }
};

TEST_P(UploadRowsContract, AnUploadedNarIsThereBeforeItsNarInfo) {
  auto n = at_rest("nar/one.nar.xz");
  ASSERT_TRUE(run(rows().put_nar(n)));
  auto back = run(catalog->find_nar(n.url)).value().value();
  EXPECT_EQ(back.nar_hash, n.nar_hash);
  EXPECT_EQ(back.nar_size, n.nar_size);
  EXPECT_EQ(back.compression, n.compression);
  EXPECT_EQ(back.file_hash, n.file_hash);
  EXPECT_EQ(back.file_size, n.file_size);
  EXPECT_EQ(back.upstream, "");
  EXPECT_EQ(back.stored_size, 5'000'000'001u);
  EXPECT_EQ(narinfos_of(n), "");
  EXPECT_EQ(run(catalog->least_used(10)).value().size(), 1u);
}

TEST_P(UploadRowsContract, PuttingANarAgainIsFineAndAnotherUnderItsUrlIsNot) {
  auto n = at_rest("nar/one.nar.xz", 7);
  ASSERT_TRUE(run(rows().put_nar(n)));
  n.file_hash = nix::Hash(crypto::sha256("packed anew"));
  n.stored_size = n.file_size = 8;
  ASSERT_TRUE(run(rows().put_nar(n)));
  auto back = run(catalog->find_nar(n.url)).value().value();
  EXPECT_EQ(back.file_hash, n.file_hash);
  EXPECT_EQ(back.stored_size, 8u);
  auto other = n;
  other.nar_hash = nix::Hash(crypto::sha256("another"));
  auto refused = run(rows().put_nar(other));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::conflict);
  EXPECT_EQ(run(catalog->find_nar(n.url)).value()->nar_hash, n.nar_hash);
}

TEST_P(UploadRowsContract, ANarThatAnUpstreamAnnouncedKeepsItsOrigin) {
  auto n = nar("nar/two.nar.xz");
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('a', n), n)));
  auto sent = at_rest("nar/two.nar.xz", 9);
  ASSERT_TRUE(run(rows().put_nar(sent)));
  auto back = run(catalog->find_nar(n.url)).value().value();
  EXPECT_EQ(back.upstream, n.upstream);
  EXPECT_EQ(back.stored_size, 9u);
  EXPECT_EQ(narinfos_of(n), "a");
}

TEST_P(UploadRowsContract, WhereANarInfoCameFromIsRemembered) {
  auto n = nar("nar/three.nar.xz");
  auto row = narinfo('a', n);
  row.uploaded = true;
  ASSERT_TRUE(run(catalog->put_narinfo(row, n)));
  EXPECT_TRUE(run(catalog->find_narinfo(hash('a'))).value()->uploaded);
  row.uploaded = false;
  ASSERT_TRUE(run(catalog->put_narinfo(row, n)));
  EXPECT_FALSE(run(catalog->find_narinfo(hash('a'))).value()->uploaded);
  row.uploaded = true;
  ASSERT_TRUE(run(catalog->put_narinfo(row, n)));
  EXPECT_TRUE(run(catalog->find_narinfo(hash('a'))).value()->uploaded);
}

TEST_P(UploadRowsContract, ANarGoesWithTheLastNarInfoThatHasIt) {
  auto n = at_rest("nar/shared.nar.xz", 5);
  ASSERT_TRUE(run(rows().put_nar(n)));
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('a', n), n)));
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('b', n), n)));
  EXPECT_EQ(narinfos_of(n), "ab");
  EXPECT_EQ(run(rows().remove_narinfo(hash('a'))).value(), std::nullopt);
  EXPECT_FALSE(run(catalog->find_narinfo(hash('a'))).value());
  EXPECT_TRUE(run(catalog->find_nar(n.url)).value());
  EXPECT_EQ(run(rows().remove_narinfo(hash('a'))).value(), std::nullopt);
  EXPECT_EQ(narinfos_of(n), "b");
  EXPECT_EQ(run(rows().remove_narinfo(hash('b'))).value(), std::optional(n.url));
  EXPECT_FALSE(run(catalog->find_narinfo(hash('b'))).value());
  EXPECT_FALSE(run(catalog->find_nar(n.url)).value());
}

TEST_P(UploadRowsContract, RemovingWhatIsNotThereIsNothing) {
  EXPECT_EQ(run(rows().remove_narinfo(hash('x'))).value(), std::nullopt);
  EXPECT_TRUE(run(rows().remove_nar(nar("nar/none.nar").url)));
  EXPECT_EQ(narinfos_of(nar("nar/none.nar")), "");
}

TEST_P(UploadRowsContract, ANarTakesItsNarInfosWithIt) {
  auto n = at_rest("nar/shared.nar.xz", 5), other = at_rest("nar/other.nar.xz", 6);
  for (char c : {'a', 'b'}) ASSERT_TRUE(run(catalog->put_narinfo(narinfo(c, n), n)));
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('c', other), other)));
  ASSERT_TRUE(run(rows().remove_nar(n.url)));
  EXPECT_FALSE(run(catalog->find_narinfo(hash('a'))).value());
  EXPECT_FALSE(run(catalog->find_narinfo(hash('b'))).value());
  EXPECT_FALSE(run(catalog->find_nar(n.url)).value());
  EXPECT_TRUE(run(catalog->find_narinfo(hash('c'))).value());
  EXPECT_TRUE(run(catalog->find_nar(other.url)).value());
}

}  // namespace ncps::db
