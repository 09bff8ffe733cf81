// What every BlobStore promises, as a suite that each implementation instantiates:
//
//   INSTANTIATE_TEST_SUITE_P(Local, BlobStoreContract, ::testing::Values(make_local_store));
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/testing/blob_store_fixture.h"

namespace ncps::storage {

TEST_P(BlobStoreContract, AbsenceIsAnAnswer) {
  EXPECT_EQ(run(store->open(key("nar/absent"))).value(), nullptr);
  EXPECT_EQ(run(store->find_text(key("nar/absent"))).value(), std::nullopt);
}

TEST_P(BlobStoreContract, APublishedBlobReadsBackWholeAndInParts) {
  ASSERT_TRUE(put("store/nar/a/ab/ab.nar", "hello"));
  auto blob = run(store->open(key("store/nar/a/ab/ab.nar"))).value();
  ASSERT_EQ(blob->size(), 5u);
  auto middle = blob->read(1, 3);
  EXPECT_EQ(drain(*middle), "ell");
  auto nothing = blob->read(5, 0);
  EXPECT_EQ(drain(*nothing), "");
  EXPECT_EQ(text_of("store/nar/a/ab/ab.nar"), "hello");
}

TEST_P(BlobStoreContract, AnUnpublishedBlobIsInvisible) {
  {
    auto staged = run(store->stage(key("b"))).value();
    ASSERT_TRUE(staged->file().append("half"));
    staged->grown();
    EXPECT_EQ(run(store->open(key("b"))).value(), nullptr);
  }
  EXPECT_EQ(run(store->open(key("b"))).value(), nullptr);
}

TEST_P(BlobStoreContract, ALargeBlobThatGrewReadsBackFromAnywhere) {
  const auto bytes = pattern(33 << 20);
  {
    auto staged = run(store->stage(key("large"))).value();
    for (std::size_t at = 0; at < bytes.size(); at += 1 << 20) {
      ASSERT_TRUE(staged->file().append(std::string_view(bytes).substr(at, 1 << 20)));
      staged->grown();
    }
    EXPECT_EQ(run(store->open(key("large"))).value(), nullptr);
    ASSERT_TRUE(run(staged->publish()));
    char part[4];
    ASSERT_EQ(::pread(staged->file().fd(), part, 4, 9 << 20), 4);
    EXPECT_EQ(std::string_view(part, 4), std::string_view(bytes).substr(9 << 20, 4));
  }
  EXPECT_TRUE(text_of("large") == bytes);
  auto blob = run(store->open(key("large"))).value();
  for (auto [first, length] : {std::pair<std::size_t, std::size_t>{(8 << 20) - 1, 2},
                               {bytes.size() - 1, 1},
                               {20 << 20, 3 << 20}}) {
    auto source = blob->read(first, length);
    EXPECT_TRUE(drain(*source) == bytes.substr(first, length)) << first;
  }
}

TEST_P(BlobStoreContract, ALargeBlobThatIsGivenUpLeavesTheOldOne) {
  ASSERT_TRUE(put("given-up", "old"));
  {
    auto staged = run(store->stage(key("given-up"))).value();
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(staged->file().append(pattern(1 << 20)));
      staged->grown();
    }
  }
  EXPECT_EQ(text_of("given-up"), "old");
}

TEST_P(BlobStoreContract, TwoReadersOfOneBlobDoNotDisturbEachOther) {
  const auto bytes = pattern(3 << 20);
  ASSERT_TRUE(put("shared", bytes));
  auto blob = run(store->open(key("shared"))).value();
  auto whole = blob->read(0, blob->size());
  auto end = blob->read(2 << 20, 1 << 20);
  auto given_up = blob->read(1, 2);
  given_up.reset();
  EXPECT_TRUE(drain(*end) == bytes.substr(2 << 20));
  EXPECT_TRUE(drain(*whole) == bytes);
}

TEST_P(BlobStoreContract, NamesWithEveryAllowedCharacterAreKeptApart) {
  const auto names = {"log/a+b", "log/a=b", "log/a?b", "log/a", "log/a.b", "log/A"};
  for (auto name : names) ASSERT_TRUE(put(name, name)) << name;
  for (auto name : names) EXPECT_EQ(text_of(name), name);
}

TEST_P(BlobStoreContract, PublishReplacesAndOpenReadersKeepWhatTheyOpened) {
  ASSERT_TRUE(put("c", "old"));
  auto old = run(store->open(key("c"))).value();
  ASSERT_TRUE(put("c", "newer"));
  EXPECT_EQ(text_of("c"), "newer");
  auto source = old->read(0, old->size());
  EXPECT_EQ(drain(*source), "old");
}

TEST_P(BlobStoreContract, TextIsKeptOrReplacedAsAsked) {
  ASSERT_TRUE(run(store->put_text(key("config/k"), "one", IfExists::keep)));
  auto second = run(store->put_text(key("config/k"), "two", IfExists::keep));
  EXPECT_EQ(second.error().kind(), ErrorKind::conflict);
  EXPECT_EQ(run(store->find_text(key("config/k"))).value(), "one");
  ASSERT_TRUE(run(store->put_text(key("config/k"), "three", IfExists::replace)));
  EXPECT_EQ(run(store->find_text(key("config/k"))).value(), "three");
}

TEST_P(BlobStoreContract, EmptyBlobsArePossible) {
  ASSERT_TRUE(put("empty", ""));
  EXPECT_EQ(run(store->open(key("empty"))).value()->size(), 0u);
  ASSERT_TRUE(run(store->put_text(key("empty-text"), "", IfExists::keep)));
  EXPECT_EQ(run(store->find_text(key("empty-text"))).value(), "");
}

TEST_P(BlobStoreContract, RemoveIsIdempotent) {
  ASSERT_TRUE(put("d", "x"));
  EXPECT_TRUE(run(store->remove(key("d"))));
  EXPECT_TRUE(run(store->remove(key("d"))));
  EXPECT_EQ(run(store->open(key("d"))).value(), nullptr);
}

// Everything below `folder`, by pages, each asked for with the last key of the one before.
inline std::vector<std::string> all_below(auto& run, BlobStore& store, std::string_view folder) {
  std::vector<std::string> keys;
  std::string after;
  while (true) {
    auto page = run(store.list(BlobKey::parse(folder).value(), after)).value();
    EXPECT_LE(page.size(), BlobStore::kListed);
    if (page.empty()) return keys;
    for (const auto& entry : page) keys.push_back(entry.key.str());
    after = keys.back();
  }
}

TEST_P(BlobStoreContract, AListHoldsWhatLiesBelowAFolderAndNothingElse) {
  auto asked = [&](auto task) { return run(std::move(task)); };
  EXPECT_EQ(all_below(asked, *store, "store/nar"), std::vector<std::string>());
  for (auto name : {"store/nar/b/ba/x.nar", "store/nar/a/ab/y.nar.xz", "store/nar-else/z",
                    "store/nar/a.b", "store/nar/a-b/c", "store/other/q", "store/nar/bc"})
    ASSERT_TRUE(put(name, name));
  // By bytes: '-' and '.' come before '/'.
  std::vector<std::string> expected = {"store/nar/a-b/c", "store/nar/a.b",
                                       "store/nar/a/ab/y.nar.xz", "store/nar/b/ba/x.nar",
                                       "store/nar/bc"};
  EXPECT_EQ(all_below(asked, *store, "store/nar"), expected);
  auto page = run(store->list(key("store/nar"), "store/nar/a.b")).value();
  ASSERT_EQ(page.size(), 3u);
  EXPECT_EQ(page[0].size, page[0].key.str().size());
  EXPECT_EQ(run(store->list(key("store/nar"), "store/nar/zz")).value().size(), 0u);
}

TEST_P(BlobStoreContract, AListOfManyComesInPagesWithoutGapOrRepetition) {
  std::set<std::string> expected;
  for (std::size_t i = 0; i < BlobStore::kListed + 70; ++i) {
    auto n = std::to_string(i);
    auto name = "many/" + n.substr(0, 1) + "/" + n;
    expected.insert(name);
    ASSERT_TRUE(run(store->put_text(key(name), "x", IfExists::keep)));
  }
  auto asked = [&](auto task) { return run(std::move(task)); };
  auto listed = all_below(asked, *store, "many");
  EXPECT_TRUE(std::ranges::equal(listed, expected));
}

}  // namespace ncps::storage
