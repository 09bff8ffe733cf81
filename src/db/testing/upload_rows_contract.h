// What a Catalog promises about what clients send and remove. Part of the contract.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

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

TEST_P(UploadRowsContract, ANarInfoIsReplacedOnlyByWhoKnewIt) {
  auto n = at_rest("nar/replaced.nar.xz");
  ASSERT_TRUE(run(rows().put_nar(n)));
  auto row = narinfo('a', n);
  row.upstream.clear();
  row.uploaded = true;
  auto replace = [&](std::string text, std::optional<std::string> before) {
    row.text = std::move(text);
    return run(rows().replace_narinfo(row, n, std::move(before))).value();
  };
  auto kept = [&] { return run(catalog->find_narinfo(hash('a'))).value().value(); };
  EXPECT_FALSE(replace("one", "none"));
  EXPECT_FALSE(run(catalog->find_narinfo(hash('a'))).value()) << "nothing is left of that";
  EXPECT_EQ(narinfos_of(n), "");
  EXPECT_TRUE(replace("one", std::nullopt));
  EXPECT_TRUE(kept().uploaded);
  EXPECT_EQ(kept().text, "one");
  EXPECT_FALSE(replace("two", std::nullopt));
  for (auto other : {"", "One", "one ", "ONE", "two"}) EXPECT_FALSE(replace("two", other)) << other;
  EXPECT_EQ(kept().text, "one");
  EXPECT_TRUE(replace("two", "one"));
  EXPECT_EQ(kept().text, "two");
}

TEST_P(UploadRowsContract, WhereANarInfoCameFromStaysWhenItIsReplaced) {
  auto n = nar("nar/replaced.nar.xz");
  auto row = narinfo('a', n);
  ASSERT_TRUE(run(catalog->put_narinfo(row, n)));
  auto before = std::exchange(row.text, "new");
  row.upstream.clear();
  EXPECT_TRUE(run(rows().replace_narinfo(row, n, before)).value());
  EXPECT_EQ(run(catalog->find_narinfo(hash('a'))).value()->upstream, n.upstream);
}

TEST_P(UploadRowsContract, WithoutTheRowOfItsNarANarInfoReplacesNothing) {
  auto n = at_rest("nar/replaced.nar.xz");
  auto is_refused = [&](const NarRow& of) {
    auto done = run(rows().replace_narinfo(narinfo('a', of), of, std::nullopt));
    return !done && done.error().kind() == ErrorKind::conflict;
  };
  EXPECT_TRUE(is_refused(n));
  ASSERT_TRUE(run(rows().put_nar(n)));
  auto other = n;
  other.nar_hash = nix::Hash(crypto::sha256("another"));
  EXPECT_TRUE(is_refused(other));
  EXPECT_FALSE(run(catalog->find_narinfo(hash('a'))).value());
}

TEST_P(UploadRowsContract, OfManyWhoAddToOneTextAtOnceNobodysAdditionIsLost) {
  constexpr int kThreads = 4, kEach = 10;
  auto n = at_rest("nar/replaced.nar.xz");
  ASSERT_TRUE(run(rows().put_nar(n)));
  std::atomic<int> failed = 0;
  auto add = [&](int thread) {
    for (int i = 0; i < kEach;) {
      boost::asio::io_context own{1};
      auto row = ncps::testing::run_sync(own, catalog->find_narinfo(hash('a')));
      if (!row && ++failed) return;
      auto before = *row ? std::optional((*row)->text) : std::nullopt;
      auto more = narinfo('a', n);
      more.text = before.value_or("") + fmt::format("<{}.{}>", thread, i);
      auto done = ncps::testing::run_sync(own, rows().replace_narinfo(more, n, before));
      if (!done && ++failed) return;
      if (*done) ++i;
    }
  };
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) threads.emplace_back(add, thread);
  threads.clear();
  EXPECT_EQ(failed, 0);
  auto text = run(catalog->find_narinfo(hash('a'))).value()->text;
  for (int thread = 0; thread < kThreads; ++thread)
    for (int i = 0; i < kEach; ++i) EXPECT_TRUE(text.contains(fmt::format("<{}.{}>", thread, i)));
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
