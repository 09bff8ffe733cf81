// What every BlobStore promises about parts and versions of blobs: the third part of the contract suite.
#pragma once

#include <limits>

#include "storage/testing/blob_store_contract.h"

namespace ncps::storage {

TEST_P(BlobStoreContract, APartThatWasAskedForReadsBackAndSoDoesEverythingElse) {
  const auto bytes = pattern(3 << 20);
  ASSERT_TRUE(put("parts", bytes));
  const auto size = bytes.size();
  struct Case {
    Part part;
    std::size_t first, length;
  };
  for (auto [part, first, length] :
       {Case{{.first = 5, .last = 9}, 5, 5}, Case{{.first = 0, .last = size - 1}, 0, size},
        Case{{.first = 1 << 20}, 1 << 20, size - (1 << 20)},
        Case{{.first = 7, .last = size + 7}, 7, size - 7}, Case{{.last = 10}, size - 10, 10},
        Case{{.last = size * 2}, 0, size}, Case{{.first = size - 1}, size - 1, 1}}) {
    auto blob = run(store->open_part(key("parts"), part)).value();
    ASSERT_NE(blob, nullptr);
    EXPECT_EQ(blob->size(), size);
    auto source = blob->read(first, length);
    EXPECT_TRUE(drain(*source) == bytes.substr(first, length)) << first;
    auto other = blob->read(1, 3);
    EXPECT_EQ(drain(*other), bytes.substr(1, 3));
    auto whole = blob->read(0, size);
    EXPECT_TRUE(drain(*whole) == bytes);
  }
}

TEST_P(BlobStoreContract, APartBeyondTheEndStillTellsTheSize) {
  ASSERT_TRUE(put("small", "hello"));
  ASSERT_TRUE(put("nothing", ""));
  const auto huge = std::numeric_limits<std::uint64_t>::max();
  for (auto part : {Part{.first = 5}, Part{.first = huge}, Part{.first = 9, .last = 12},
                    Part{.last = 0}, Part{.first = huge, .last = huge}}) {
    auto blob = run(store->open_part(key("small"), part)).value();
    ASSERT_NE(blob, nullptr);
    EXPECT_EQ(blob->size(), 5u);
    auto source = blob->read(0, 5);
    EXPECT_EQ(drain(*source), "hello");
    auto empty = run(store->open_part(key("nothing"), part)).value();
    ASSERT_NE(empty, nullptr);
    EXPECT_EQ(empty->size(), 0u);
  }
  EXPECT_EQ(run(store->open_part(key("absent"), {.first = 1})).value(), nullptr);
}

TEST_P(BlobStoreContract, OtherBytesHaveAnotherVersion) {
  std::string before;
  for (auto bytes : {"one", "two", "six"}) {
    ASSERT_TRUE(put("replaced", bytes));
    auto version = run(store->open(key("replaced"))).value()->version();
    EXPECT_NE(version, before);
    before = version;
  }
}

}  // namespace ncps::storage
