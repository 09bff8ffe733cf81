// What every BlobStore promises about its listings: the second part of the contract suite.
#pragma once

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/testing/blob_store_contract.h"

namespace ncps::storage {

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

TEST_P(BlobStoreContract, AListSaysWhenABlobWasPublished) {
  using namespace std::chrono;
  auto before = floor<seconds>(system_clock::now()) - minutes(1);  // clocks of servers differ
  ASSERT_TRUE(put("when/x", "x"));
  auto page = run(store->list(key("when"), "")).value();
  ASSERT_EQ(page.size(), 1u);
  EXPECT_GE(page[0].modified, before);
  EXPECT_LE(page[0].modified, floor<seconds>(system_clock::now()) + minutes(1));
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
