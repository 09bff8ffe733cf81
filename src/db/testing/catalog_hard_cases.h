// More of what every Catalog promises: where databases differ.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "db/testing/catalog_contract.h"

namespace ncps::db {

TEST_P(CatalogContract, UrlsAreComparedByteByByteAndMayBeLong) {
  auto longest = "nar/" + std::string(127, 'x') + "a.nar.lzip?" + std::string(511, 'q');
  auto lower = nar(longest + "y"), upper = nar(longest + "Y");
  upper.upstream_url = std::string(100'000, 'u');
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('a', lower), lower)));
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('b', upper), upper)));
  EXPECT_EQ(run(catalog->find_narinfo(hash('a'))).value()->nar_url, lower.url);
  EXPECT_EQ(run(catalog->find_narinfo(hash('b'))).value()->nar_url, upper.url);
  EXPECT_EQ(run(catalog->find_nar(lower.url)).value()->nar_hash, lower.nar_hash);
  EXPECT_EQ(run(catalog->find_nar(upper.url)).value()->nar_hash, upper.nar_hash);
  EXPECT_EQ(run(catalog->find_nar(upper.url)).value()->upstream_url, upper.upstream_url);
  EXPECT_FALSE(run(catalog->find_nar(nar(longest).url)).value());
}

TEST_P(CatalogContract, TextIsKeptAsItIsWhateverItHolds) {
  auto n = nar("nar/text.nar.xz");
  auto row = narinfo('a', n);
  row.text =
      ":hash $1 ?1 %s \\ \\' '' \" ; DROP TABLE narinfos; -- /* \t \r\n \xE2\x82\xAC "
      "\xF0\x9F\xA6\x86 ";
  row.text += std::string(1 << 20, 'x') + " \n\n";
  ASSERT_TRUE(run(catalog->put_narinfo(row, n)));
  EXPECT_EQ(run(catalog->find_narinfo(hash('a'))).value()->text, row.text);
}

// PostgreSQL and MySQL refuse such a text, so that nobody keeps it: the store has it.
TEST_P(CatalogContract, TextThatIsNoUtf8IsNotKeptButItsNarIs) {
  auto n = nar("nar/bytes.nar.xz");
  for (std::string odd :
       {std::string("a\xFF z"), std::string("a\0z", 3), std::string("\xC0\x80")}) {
    auto row = narinfo('a', n);
    row.text = odd;
    ASSERT_TRUE(run(catalog->put_narinfo(row, n)));
    EXPECT_FALSE(run(catalog->find_narinfo(hash('a'))).value());
    EXPECT_TRUE(run(catalog->find_nar(n.url)).value());
  }
}

TEST_P(CatalogContract, ManyWhoPutTheSameAndOthersAtOnceAllSucceed) {
  constexpr int kAtOnce = 8;
  std::atomic<int> failed{0};
  std::vector<std::thread> writers;
  for (int i = 0; i < kAtOnce; ++i) {
    writers.emplace_back([&, i] {
      boost::asio::io_context own{1};
      for (int round = 0; round < 20; ++round) {
        // Forwards and backwards, so that two want the same rows in opposite order.
        int which = i % 2 == 0 ? round % 4 : 3 - round % 4;
        auto n = nar("nar/shared" + std::to_string(which) + ".nar.xz");
        auto row = narinfo("abcd"[(which + i) % 4], n);
        failed += !ncps::testing::run_sync(own, catalog->put_narinfo(row, n));
        failed += !ncps::testing::run_sync(own, catalog->mark_stored(n.url, 7));
        failed += !ncps::testing::run_sync(own, catalog->find_narinfo(row.hash));
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(failed, 0);
}

}  // namespace ncps::db
