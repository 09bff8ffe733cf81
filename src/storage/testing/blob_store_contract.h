// What every BlobStore promises, as a suite that each implementation instantiates:
//
//   INSTANTIATE_TEST_SUITE_P(Local, BlobStoreContract, ::testing::Values(make_local_store));
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "rt/testing/run_sync.h"
#include "storage/blob_store.h"

namespace ncps::storage {

using BlobStoreFactory = std::function<std::shared_ptr<BlobStore>()>;

class BlobStoreContract : public ::testing::TestWithParam<BlobStoreFactory> {
 protected:
  static BlobKey key(std::string_view text) { return BlobKey::parse(text).value(); }

  template <class T>
  Result<T> run(Task<T> task) {
    return ncps::testing::run_sync(io, std::move(task));
  }

  Result<void> put(std::string_view name, std::string_view bytes) {
    TRY(auto staged, run(store->stage(key(name))));
    TRY(staged->file().append(bytes));
    staged->grown();
    return run(staged->publish());
  }

  static std::string pattern(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 2654435761U >> 13);
    return out;
  }

  // Reads pieces of both kinds into one string.
  std::string drain(ByteSource& source) {
    std::string all;
    for (;;) {
      auto piece = run(source.next()).value();
      if (piece_size(piece) == 0) return all;
      if (auto* text = std::get_if<std::string_view>(&piece)) {
        all.append(*text);
        continue;
      }
      auto span = std::get<FileSpan>(piece);
      std::string part(span.length, '\0');
      EXPECT_EQ(::pread(span.fd, part.data(), part.size(), static_cast<off_t>(span.offset)),
                static_cast<ssize_t>(span.length));
      all.append(part);
    }
  }

  std::string text_of(std::string_view name) {
    auto blob = run(store->open(key(name))).value();
    auto source = blob->read(0, blob->size());
    return drain(*source);
  }

  boost::asio::io_context io{1};  // before `store`: outlives the threads behind it
  std::shared_ptr<BlobStore> store = GetParam()();
};

TEST_P(BlobStoreContract, AbsenceIsAnAnswer) {
  EXPECT_EQ(run(store->open(key("nar/absent"))).value(), nullptr);
  EXPECT_EQ(run(store->find(key("nar/absent"))).value(), std::nullopt);
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
  EXPECT_EQ(run(store->find(key("store/nar/a/ab/ab.nar"))).value(), 5u);
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

TEST_P(BlobStoreContract, WhatIsTooLargeIsNoSmallDocument) {
  auto staged = run(store->stage(key("huge"))).value();
  ASSERT_TRUE(staged->file().append(std::string(BlobStore::kMaxText + 1, 'x')));
  ASSERT_TRUE(run(staged->publish()));
  auto text = run(store->find_text(key("huge")));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind(), ErrorKind::unavailable);
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
  EXPECT_EQ(run(store->find(key("empty"))).value(), 0u);
  ASSERT_TRUE(run(store->put_text(key("empty-text"), "", IfExists::keep)));
  EXPECT_EQ(run(store->find_text(key("empty-text"))).value(), "");
}

TEST_P(BlobStoreContract, RemoveIsIdempotent) {
  ASSERT_TRUE(put("d", "x"));
  EXPECT_TRUE(run(store->remove(key("d"))));
  EXPECT_TRUE(run(store->remove(key("d"))));
  EXPECT_EQ(run(store->open(key("d"))).value(), nullptr);
}

}  // namespace ncps::storage
