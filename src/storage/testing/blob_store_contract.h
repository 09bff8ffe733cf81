// What every BlobStore promises, as a suite that each implementation instantiates:
//
//   INSTANTIATE_TEST_SUITE_P(Local, BlobStoreContract, ::testing::Values(make_local_store));
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

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
    TRY(auto file, run(store->spool()));
    TRY(file->append(bytes));
    return run(store->publish(*file, key(name)));
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
    auto file = run(store->spool()).value();
    ASSERT_TRUE(file->append("half"));
    EXPECT_EQ(run(store->open(key("b"))).value(), nullptr);
  }
  EXPECT_EQ(run(store->open(key("b"))).value(), nullptr);
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

}  // namespace ncps::storage
