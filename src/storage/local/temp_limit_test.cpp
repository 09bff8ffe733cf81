#include "storage/temp_limit.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "base/testing/temp_dir.h"
#include "rt/testing/run_sync.h"
#include "storage/local/local_blob_store.h"

namespace ncps::storage {
namespace {

struct LimitedLocal {
  explicit LimitedLocal(std::uint64_t limit, OncePublished then = OncePublished::at_rest)
      : store(with_temp_limit(open_local({.root = root.path()}, disk).value(), limit, then)) {}
  ~LimitedLocal() {
    disk.join();
    store.reset();
  }
  ncps::testing::TempDir root;
  Pool disk{2};
  std::unique_ptr<BlobStore> store;
};

struct TempLimit : ::testing::Test {
  Result<std::unique_ptr<StagedBlob>> stage(LimitedLocal& in, std::string_view name) {
    return ncps::testing::run_sync(io, in.store->stage(BlobKey::parse(name).value()));
  }
  static void write(StagedBlob& blob, std::size_t bytes) {
    ASSERT_TRUE(blob.file().append(std::string(bytes, 'x')));
    blob.grown();
  }
  boost::asio::io_context io;
};

TEST_F(TempLimit, BeyondItNothingNewBeginsAndWhatHasBegunGoesOn) {
  LimitedLocal local(100);
  auto one = stage(local, "store/nar/a").value(), two = stage(local, "store/nar/b").value();
  write(*one, 60);
  write(*two, 39);
  EXPECT_TRUE(stage(local, "store/nar/c"));
  write(*two, 1);
  auto refused = stage(local, "store/nar/c");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::unavailable);
  EXPECT_FALSE(refused.error().no_space());  // no round of eviction would help
  EXPECT_NE(refused.error().what().find("--cache-max-temp-size"), std::string::npos);
  write(*two, 1000);
  EXPECT_TRUE(ncps::testing::run_sync(io, two->publish()));
  EXPECT_TRUE(stage(local, "store/nar/c"));
}

TEST_F(TempLimit, WhatIsGivenUpIsGivenBack) {
  LimitedLocal local(100);
  for (int i = 0; i < 10; ++i) {
    auto one = stage(local, "store/nar/a");
    ASSERT_TRUE(one) << i;
    write(**one, 1000);
    EXPECT_FALSE(stage(local, "store/nar/b"));
  }
}

TEST_F(TempLimit, WhatStaysTemporaryCountsUntilItIsGone) {
  LimitedLocal local(100, OncePublished::still_temporary);
  auto one = stage(local, "store/nar/a").value();
  write(*one, 1000);
  EXPECT_TRUE(ncps::testing::run_sync(io, one->publish()));
  EXPECT_FALSE(stage(local, "store/nar/b"));
  one.reset();
  EXPECT_TRUE(stage(local, "store/nar/b"));
}

}  // namespace
}  // namespace ncps::storage
