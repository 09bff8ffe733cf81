#include "storage/cached/cached_blob_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <future>
#include <thread>

#include "base/testing/temp_dir.h"
#include "rt/block_on.h"
#include "storage/local/local_blob_store.h"
#include "storage/spool_owner.h"
#include "storage/testing/blob_store_listing.h"
#include "storage/testing/blob_store_parts.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;

// Copies of what lies in a local store.
struct Cached {
  explicit Cached(std::uint64_t bytes = 64 << 20) : limit(bytes) { open(); }
  ~Cached() {
    store.reset();
    copies.join();
    disk.join();
  }

  Result<std::unique_ptr<BlobStore>> try_open() {
    auto inner = open_local({.root = root.path()}, disk).value();
    return with_local_copies(
        std::move(inner), {.folder = folder, .limit = limit, .below = below, .patience = patience},
        runtime, copies);
  }
  void open() {
    store.reset();
    store = try_open().value();
  }

  ncps::testing::TempDir root, temp;
  fs::path folder = temp.path() / "copies";
  std::uint64_t limit;
  std::string below;
  std::chrono::milliseconds patience = DiskCalls::kPatience;
  Runtime runtime{2};
  Pool disk{2}, copies{2};
  std::unique_ptr<BlobStore> store;
};

BlobStoreFactory cached_local(std::uint64_t limit) {
  return [limit]() -> std::shared_ptr<BlobStore> {
    auto all = std::make_shared<Cached>(limit);
    return {all, all->store.get()};
  };
}

INSTANTIATE_TEST_SUITE_P(Cached, BlobStoreContract, ::testing::Values(cached_local(64 << 20)));
INSTANTIATE_TEST_SUITE_P(CachedNothing, BlobStoreContract, ::testing::Values(cached_local(1)));

struct CachedBlobStoreTest : ::testing::Test {
  static BlobKey key(std::string_view text) { return BlobKey::parse(text).value(); }

  template <class T>
  Result<T> run(Task<T> task) {
    return block_on(cached.runtime, std::move(task));
  }

  void put(std::string_view name, std::string_view bytes) {
    auto staged = run(cached.store->stage(key(name))).value();
    ASSERT_TRUE(staged->file().append(bytes));
    ASSERT_TRUE(run(staged->publish()));
  }

  // nullopt: it is absent.
  std::optional<std::string> read(std::string_view name) {
    auto blob = run(cached.store->open(key(name))).value();
    if (!blob) return std::nullopt;
    auto source = blob->read(0, blob->size());
    auto piece = run(source->next()).value();
    if (const auto* text = std::get_if<std::string_view>(&piece)) return std::string(*text);
    auto span = std::get<FileSpan>(piece);
    std::string out(span.length, '\0');
    EXPECT_EQ(::pread(span.fd, out.data(), out.size(), static_cast<off_t>(span.offset)),
              static_cast<ssize_t>(out.size()));
    return out;
  }

  std::vector<fs::path> copies() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(cached.folder))
      if (entry.is_regular_file()) out.push_back(entry.path());
    return out;
  }

  // Read until there is a copy of it.
  void make_hot(const std::string& name) {
    auto file = name;
    std::ranges::replace(file, '/', ',');
    while (!fs::exists(cached.folder / file)) {
      read(name);
      std::this_thread::yield();
    }
  }

  // As another machine would, or a disaster.
  void remove_behind_its_back(const std::string& name) { fs::remove(cached.root.path() / name); }

  Cached cached{1 << 20};
};

TEST_F(CachedBlobStoreTest, WhatIsReadAgainIsServedFromHere) {
  put("store/nar/a", "hello");
  EXPECT_EQ(read("store/nar/a"), "hello");
  EXPECT_TRUE(copies().empty());
  make_hot("store/nar/a");
  remove_behind_its_back("store/nar/a");
  while (read("store/nar/a") != "hello")
    std::this_thread::yield();  // it is noted after it is named
  struct stat info{};
  ASSERT_EQ(::stat(copies().at(0).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0400u);
}

TEST_F(CachedBlobStoreTest, WhileTheDiskOfTheCopiesHangsTheStoreBehindServes) {
  put("store/nar/a", "hello");
  make_hot("store/nar/a");
  cached.patience = std::chrono::milliseconds(100);
  cached.open();  // knows the copy from the beginning
  std::promise<void> answers;
  auto hangs = answers.get_future().share();
  for (std::size_t i = 0; i < cached.copies.threads(); ++i)
    boost::asio::post(cached.copies, [hangs] { hangs.wait(); });
  auto reading = std::async(std::launch::async, [&] { return read("store/nar/a"); });
  EXPECT_EQ(reading.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  auto again = std::async(std::launch::async, [&] { return read("store/nar/a"); });
  EXPECT_EQ(again.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(cached.copies.waiting(), 1u) << "it was asked again";
  answers.set_value();
  EXPECT_EQ(reading.get(), "hello");
  EXPECT_EQ(again.get(), "hello");
}

TEST_F(CachedBlobStoreTest, RemovingAndReplacingReachTheCopy) {
  put("a", "one");
  make_hot("a");
  put("a", "two");
  EXPECT_EQ(read("a"), "two");
  make_hot("a");
  EXPECT_EQ(read("a"), "two");
  ASSERT_TRUE(run(cached.store->put_text(key("a"), "three", IfExists::replace)));
  EXPECT_EQ(read("a"), "three");
  make_hot("a");
  ASSERT_TRUE(run(cached.store->remove(key("a"))));
  EXPECT_EQ(read("a"), std::nullopt);
  cached.open();
  EXPECT_EQ(read("a"), std::nullopt);
}

TEST_F(CachedBlobStoreTest, OthersThanThoseBelowTheFolderAreNotCopied) {
  cached.below = "store/nar";
  cached.open();
  for (auto name : {"store/nar/a", "store/nar-else", "store/log/a"}) put(name, name);
  for (int i = 0; i < 5; ++i)
    for (auto name : {"store/nar-else", "store/log/a"}) EXPECT_EQ(read(name), name);
  make_hot("store/nar/a");
  EXPECT_EQ(copies().size(), 1u);
}

TEST_F(CachedBlobStoreTest, TheCopiesStayWithinTheirBound) {
  const std::string large(300 << 10, 'x');
  for (int i = 0; i < 8; ++i) put("n" + std::to_string(i), large);
  for (int i = 0; i < 8; ++i) {
    make_hot("n" + std::to_string(i));
    EXPECT_LE(copies().size(), 3u);
  }
  put("huge", std::string(600 << 10, 'x'));  // more than half
  for (int i = 0; i < 5; ++i) EXPECT_EQ(read("huge")->size(), 600u << 10);
  cached.limit = 310 << 10;
  cached.open();  // keeps what was used last, as far as there is room
  EXPECT_EQ(copies().size(), 1u);
}

TEST_F(CachedBlobStoreTest, TheNextProcessTakesOverWhatIsWholeAndNothingElse) {
  put("a", "hello");
  make_hot("a");
  cached.store.reset();
  auto dead = cached.folder / "tmp" / (this_machine() + "-1-dead");
  fs::create_directories(dead);
  std::ofstream(dead / "lock");
  std::ofstream(dead / "0") << "half done";
  remove_behind_its_back("a");
  cached.open();
  EXPECT_EQ(read("a"), "hello");
  EXPECT_FALSE(fs::exists(dead));
}

TEST_F(CachedBlobStoreTest, ACopyThatIsGoneOrCutShortIsNotServed) {
  put("a", "hello");
  make_hot("a");
  cached.open();
  fs::permissions(copies().at(0), fs::perms::owner_write, fs::perm_options::add);
  fs::resize_file(copies().at(0), 3);
  EXPECT_EQ(read("a"), "hello");
  make_hot("a");
  cached.open();
  fs::remove(copies().at(0));
  EXPECT_EQ(read("a"), "hello");
}

TEST_F(CachedBlobStoreTest, WhereNoCopyCanBeMadeNothingElseFails) {
  put("a", "hello");
  fs::remove_all(cached.folder / "tmp");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(read("a"), "hello");
  cached.store.reset();  // waits for the attempt
  EXPECT_TRUE(copies().empty());
}

TEST_F(CachedBlobStoreTest, CopiesThatOthersMayHaveRenamedAreNotServed) {
  put("a", "hello");
  put("b", "other");
  make_hot("a");
  cached.store.reset();
  fs::rename(copies().at(0), cached.folder / "b");
  fs::permissions(cached.folder, fs::perms::group_write, fs::perm_options::add);
  cached.open();
  EXPECT_TRUE(copies().empty());
  EXPECT_EQ(read("b"), "other");
  make_hot("a");
  EXPECT_EQ(fs::status(cached.folder).permissions(), fs::perms::owner_all);
}

TEST_F(CachedBlobStoreTest, AFolderThatIsALinkIsRefused) {
  cached.store.reset();
  fs::remove_all(cached.folder);
  fs::create_directory_symlink(cached.root.path(), cached.folder);
  auto open = cached.try_open();
  ASSERT_FALSE(open);
  EXPECT_NE(open.error().what().find(cached.folder.native()), std::string::npos);
}

}  // namespace
}  // namespace ncps::storage
