#include "storage/local/local_blob_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include "base/testing/temp_dir.h"
#include "rt/block_on.h"
#include "rt/runtime.h"
#include "rt/task_group.h"
#include "storage/spool_dir.h"
#include "storage/temp_limit.h"
#include "storage/testing/blob_store_listing.h"
#include "storage/testing/blob_store_parts.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;
using ncps::testing::TempDir;

// The store and everything it needs, gone with the last reference.
struct TemporaryLocal {
  TempDir root;
  Pool disk{2};
  std::unique_ptr<BlobStore> store = open_local({.root = root.path()}, disk).value();
  ~TemporaryLocal() {
    disk.join();
    store.reset();
  }
};

std::shared_ptr<BlobStore> make_temporary_local() {
  auto all = std::make_shared<TemporaryLocal>();
  return {all, all->store.get()};
}

// With a limit that is never reached it is the same.
std::shared_ptr<BlobStore> make_limited_local() {
  auto all = std::make_shared<TemporaryLocal>();
  all->store = with_temp_limit(std::move(all->store), 64 << 20, OncePublished::at_rest);
  return {all, all->store.get()};
}

INSTANTIATE_TEST_SUITE_P(Local, BlobStoreContract, ::testing::Values(make_temporary_local));
INSTANTIATE_TEST_SUITE_P(Limited, BlobStoreContract, ::testing::Values(make_limited_local));

struct LocalBlobStore : ::testing::Test {
  boost::asio::io_context io{1};
  Runtime runtime{2};
  TemporaryLocal local;  // after what its pool posts to: joined before that is destroyed

  template <class T>
  Result<T> run(Task<T> task) {
    return ncps::testing::run_sync(io, std::move(task));
  }
  template <class T>
  static std::optional<ErrorKind> failure_of(const Result<T>& result) {
    return result ? std::nullopt : std::optional(result.error().kind());
  }
  static BlobKey key(std::string_view text) { return BlobKey::parse(text).value(); }
};

TEST_F(LocalBlobStore, FilesAreReadOnlyForTheOwnerAlone) {
  ASSERT_TRUE(run(local.store->put_text(key("config/cache.key"), "secret", IfExists::keep)));
  struct stat info{};
  ASSERT_EQ(::stat((local.root.path() / "config/cache.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0400u);
}

TEST_F(LocalBlobStore, AVersionStaysAsLongAsItsBytes) {
  ASSERT_TRUE(run(local.store->put_text(key("a"), "text", IfExists::keep)));
  auto version = run(local.store->open(key("a"))).value()->version();
  EXPECT_NE(version, "");
  EXPECT_EQ(run(local.store->open(key("a"))).value()->version(), version);
}

TEST_F(LocalBlobStore, WhatIsNotAFileIsAnErrorNotAbsence) {
  fs::create_directories(local.root.path() / "store/nar/x");
  EXPECT_EQ(run(local.store->open(key("store/nar/x"))).error().kind(), ErrorKind::unavailable);
}

TEST_F(LocalBlobStore, ListsNoLinkRoundForEverAndNothingThatIsNoFile) {
  auto store = local.root.path() / "store/nar";
  fs::create_directories(store / "a");
  fs::create_directory_symlink("..", store / "a" / "up");
  ASSERT_EQ(::mkfifo((store / "a" / "pipe").c_str(), 0600), 0);
  std::ofstream(store / "a" / "strange name") << "x";
  std::ofstream(store / "a" / "x") << "x";
  auto page = run(local.store->list(key("store/nar"), "")).value();
  ASSERT_FALSE(page.empty());
  EXPECT_EQ(page[0].key.str().substr(page[0].key.str().rfind('/')), "/x");
}

TEST_F(LocalBlobStore, AFolderThatCannotBeListedIsAnErrorNotTheEnd) {
  fs::create_directories(local.root.path() / "store");
  fs::create_symlink("nar", local.root.path() / "store/nar");  // to itself
  EXPECT_EQ(run(local.store->list(key("store/nar"), "")).error().kind(), ErrorKind::unavailable);
}

TEST_F(LocalBlobStore, OpenedToBeReadItChangesNothing) {
  ASSERT_TRUE(run(local.store->put_text(key("a"), "text", IfExists::keep)));
  auto left = local.root.path() / "store/tmp/left-by-somebody";
  std::ofstream(left) << "x";
  auto before = fs::last_write_time(local.root.path() / "store/tmp");
  auto reader = open_local({.root = local.root.path(), .access = Access::read}, local.disk).value();
  EXPECT_EQ(run(reader->find_text(key("a"))).value(), "text");
  EXPECT_FALSE(run(reader->put_text(key("a"), "other", IfExists::replace)));
  EXPECT_FALSE(run(reader->put_text(key("b"), "new", IfExists::keep)));
  EXPECT_FALSE(run(reader->stage(key("c"))));
  EXPECT_FALSE(run(reader->remove(key("a"))));
  EXPECT_EQ(run(reader->leftovers()).value(), std::vector<std::string>{left.native()});
  EXPECT_EQ(run(reader->find_text(key("a"))).value(), "text");
  EXPECT_TRUE(fs::exists(left));
  EXPECT_EQ(fs::last_write_time(local.root.path() / "store/tmp"), before);
}

// A pipe without a writer hangs in open(2), as a file of a server that is away does.
TEST_F(LocalBlobStore, ADiskThatHangsTakesAllThreadsAndNobodyWaitsForIt) {
  auto pipe = local.root.path() / "store/hangs";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  ASSERT_TRUE(run(local.store->put_text(key("store/text"), "text", IfExists::keep)));
  auto impatient =
      open_local({.root = local.root.path(), .patience = std::chrono::milliseconds(20)}, local.disk)
          .value();
  EXPECT_TRUE(run(local.store->check()));
  std::vector<std::future<std::optional<ErrorKind>>> hanging;
  for (std::size_t i = 0; i < local.disk.threads(); ++i) {
    hanging.push_back(std::async(std::launch::async, [&] {
      return failure_of(block_on(runtime, local.store->open(key("store/hangs"))));
    }));
  }
  auto patience = Deadline::after(std::chrono::seconds(60));
  while (local.disk.running() < local.disk.threads() && !patience.passed())
    std::this_thread::yield();
  EXPECT_EQ(local.disk.running(), local.disk.threads());
  // No thread is left: nothing is found out, and nothing is said to be absent.
  for (auto name : {"store/hangs", "store/text", "store/nothing"}) {
    EXPECT_EQ(failure_of(run(impatient->open(key(name)))), ErrorKind::unavailable);
    EXPECT_EQ(failure_of(run(impatient->find_text(key(name)))), ErrorKind::unavailable);
  }
  EXPECT_EQ(failure_of(run(impatient->check())), ErrorKind::unavailable);

  UniqueFd writer(::open(pipe.c_str(), O_RDWR | O_CLOEXEC));
  for (auto& one : hanging) EXPECT_EQ(one.get(), ErrorKind::unavailable);
  EXPECT_EQ(run(local.store->find_text(key("store/text"))).value(), "text");
}

TEST_F(LocalBlobStore, ManyWritersOfOneTextAgreeOnOne) {
  std::atomic<int> won{0};
  TaskGroup group;
  auto writer = [&](int i) -> boost::asio::awaitable<void> {
    auto done =
        co_await local.store->put_text(key("config/one"), std::to_string(i), IfExists::keep);
    if (done) ++won;
  };
  for (int i = 0; i < 20; ++i) group.spawn(runtime.next_executor(), "writer", writer(i));
  ASSERT_TRUE(group.join_blocking(Deadline::after(std::chrono::minutes(4))));  // a slow disk's
  EXPECT_EQ(won, 1);
}

TEST(SpoolDir, LeavesWhatLivesAndRemovesWhatADeadProcessLeft) {
  TempDir root;
  int go[2];
  ASSERT_EQ(::pipe2(go, O_CLOEXEC), 0);
  auto child = ::fork();  // before there is a second thread
  if (child == 0) {       // dies by SIGKILL with a spool file open, as in a crash
    char byte;
    if (::read(go[0], &byte, 1) != 1) ::_exit(1);
    auto theirs = SpoolDir::open(root.path()).value();
    auto left = theirs->create().value();
    if (!left->append("left behind")) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  auto mine = SpoolDir::open(root.path()).value();
  auto file = mine->create().value();
  ASSERT_TRUE(file->append("alive"));
  ASSERT_EQ(::write(go[1], "x", 1), 1);
  for (int end : go) ::close(end);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  auto folders = [&] {
    int n = 0;
    for (const auto& entry : fs::directory_iterator(root.path())) n += entry.is_directory();
    return n;
  };
  ASSERT_EQ(folders(), 2);

  EXPECT_EQ(SpoolDir::stale(root.path(), 10).value().size(), 1u);
  EXPECT_EQ(SpoolDir::stale(root.path(), 0).value().size(), 0u);
  ASSERT_EQ(folders(), 2);  // looking removes nothing

  auto next = SpoolDir::open(root.path()).value();
  EXPECT_TRUE(SpoolDir::stale(root.path(), 10).value().empty());
  EXPECT_EQ(folders(), 2);  // ours and the next one's: the dead one's is gone
  EXPECT_TRUE(fs::exists(file->path()));
}

TEST(SpoolDir, ManyThatOpenAndCloseAtOnceNeverTakeEachOthersFolderForStale) {
  TempDir root;
  std::atomic<int> wrong{0};
  std::vector<std::thread> openers;
  for (int i = 0; i < 8; ++i) {
    openers.emplace_back([&] {
      for (int round = 0; round < 25; ++round) {
        auto mine = SpoolDir::open(root.path());
        auto file = mine ? (*mine)->create() : std::unexpected(mine.error());
        if (!file || !(*file)->append("x") || !fs::exists((*file)->path())) ++wrong;
      }
    });
  }
  for (auto& opener : openers) opener.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(fs::is_empty(root.path()));  // not even a lock is left
}

TEST(SpoolDir, ARootThatCannotBeMadeIsSaid) {
  TempDir root;
  std::ofstream(root.path() / "file") << "in the way";
  auto opened = SpoolDir::open(root.path() / "file" / "tmp");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().what().find("file"), std::string::npos);
}

TEST(SpoolFile, AFullDiskIsAnErrorAndTheFileGoesAway) {
  UniqueFd full(::open("/dev/full", O_WRONLY));
  ASSERT_TRUE(full);
  SpoolFile file(std::move(full), {});
  EXPECT_EQ(file.append("x").error().kind(), ErrorKind::unavailable);
}

TEST(BlobKey, CannotLeaveItsStore) {
  for (auto good : {"a", "store/nar/0/0a/0a.nar.xz", "A-b_c.d", "log/g++?v=1"})
    EXPECT_TRUE(BlobKey::parse(good)) << good;
  for (auto bad : {"", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a b", "a\\b", "a%2fb",
                   "a:b", "a~b", "\xc3\xa4"})
    EXPECT_FALSE(BlobKey::parse(bad)) << bad;
  EXPECT_FALSE(BlobKey::parse(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace ncps::storage
