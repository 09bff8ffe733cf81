// Every call by which the store writes fails in its turn, in every way; and the power goes at each of
// them.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/testing/temp_dir.h"
#include "rt/testing/run_sync.h"
#include "storage/local/local_blob_store.h"
#include "storage/testing/faulty_file_ops.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;
using ncps::testing::TempDir;
using How = FaultyFileOps::How;

BlobKey key(std::string_view text) {
  return BlobKey::parse(text).value();
}

std::size_t descriptors() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

// Which steps of the work below were acknowledged.
struct Done {
  bool opened = false, text = false, replaced = false, once = false, nar = false, removed = false;
};

const std::string kOld = "old text", kNew = "a new and longer text", kOnce = "written once";
const std::string kNar(300'000, 'n');

struct FileFaults : ::testing::Test {
  template <class T>
  Result<T> run(Task<T> task) {
    return ncps::testing::run_sync(io, std::move(task));
  }

  // Everything that a store writes, once.
  Done work(const fs::path& root, FileOps& ops) {
    Done done;
    Pool disk(1);
    {
      auto store = open_local({.root = root, .ops = ops}, disk);
      if (!store) return done;
      done.opened = true;
      done.text = run((*store)->put_text(key("t/a/text"), kOld, IfExists::replace)).has_value();
      done.replaced = run((*store)->put_text(key("t/a/text"), kNew, IfExists::replace)).has_value();
      done.once = run((*store)->put_text(key("config/once"), kOnce, IfExists::keep)).has_value();
      done.nar = publish(**store);
      done.removed = run((*store)->remove(key("config/once"))).has_value();
      disk.join();
    }
    return done;
  }

  bool publish(BlobStore& store) {
    auto staged = run(store.stage(key("store/nar/n/na/nar")));
    if (!staged) return false;
    for (std::size_t at = 0; at < kNar.size(); at += 100'000)
      if (!(*staged)->file().append(std::string_view(kNar).substr(at, 100'000))) return false;
    return run((*staged)->publish()).has_value();
  }

  std::optional<std::string> text(BlobStore& store, std::string_view name) {
    return run(store.find_text(key(name))).value();
  }

  // Whole, or not there: by what a store says that is opened anew.
  void expect_nothing_half_done(const fs::path& root, const Done& done, const std::string& when) {
    Pool disk(1);
    FaultyFileOps spare;  // that fails nothing, and spares the disk the syncing
    {
      auto store = open_local({.root = root, .ops = spare}, disk).value();
      auto a = text(*store, "t/a/text"), once = text(*store, "config/once"),
           nar = text(*store, "store/nar/n/na/nar");
      EXPECT_TRUE(!a || *a == kOld || *a == kNew) << when;
      EXPECT_TRUE(!once || *once == kOnce) << when;
      EXPECT_TRUE(!nar || *nar == kNar) << when;
      if (done.text) EXPECT_TRUE(a) << when << ": an acknowledged text is lost";
      if (done.replaced) EXPECT_EQ(a, kNew) << when;
      if (done.nar) EXPECT_TRUE(nar) << when << ": an acknowledged NAR is lost";
      for (auto folder : {"t", "config", "store/nar"})
        for (const auto& entry : run(store->list(key(folder), "")).value())
          EXPECT_TRUE(entry.key == key("t/a/text") || entry.key == key("config/once") ||
                      entry.key == key("store/nar/n/na/nar"))
              << when << ": " << entry.key.str();
      EXPECT_TRUE(run(store->leftovers()).value().empty()) << when;
      EXPECT_TRUE(publish(*store)) << when << ": the next one is well";
      disk.join();
    }
    EXPECT_TRUE(fs::is_empty(root / "store/tmp")) << when;
  }

  boost::asio::io_context io{1};
};

struct Fault {
  const char* name;
  How how;
  int error;
};

TEST_F(FileFaults, WhicheverCallFailsNothingHalfDoneIsSeenAndNoDescriptorStays) {
  for (auto fault : {Fault{"EIO", How::error, EIO}, Fault{"ENOSPC", How::error, ENOSPC},
                     Fault{"short", How::short_write, ENOSPC}}) {
    int calls = 0;
    for (int n = 1;; ++n, ++calls) {
      TempDir root;
      FaultyFileOps ops;
      ops.fail_nth(n, fault.how, fault.error);
      auto before = descriptors();
      auto done = work(root.path(), ops);
      EXPECT_EQ(descriptors(), before) << fault.name << " " << n;
      if (!ops.fired()) {
        EXPECT_TRUE(done.text && done.replaced && done.once && done.nar && done.removed);
        break;
      }
      expect_nothing_half_done(root.path(), done,
                               std::string(fault.name) + " at call " + std::to_string(n));
    }
    EXPECT_GT(calls, 40) << fault.name;
  }
}

TEST_F(FileFaults, APowerCutAtAnyCallLosesNothingAcknowledgedAndShowsNothingHalfDone) {
  int calls = 0;
  for (int n = 1;; ++n, ++calls) {
    TempDir root, image;
    FaultyFileOps ops;
    ops.fail_nth(n, How::power_cut, EIO);
    auto done = work(root.path(), ops);
    ops.lay_out(root.path(), image.path());
    if (!ops.fired()) break;
    expect_nothing_half_done(image.path(), done, "power cut at call " + std::to_string(n));
  }
  EXPECT_GT(calls, 40);
}

// The disk of this test forgets: a file that was written but not synced is empty, or not there.
TEST_F(FileFaults, TheDiskOfTheseTestsForgetsWhatWasNotSynced) {
  TempDir root, image;
  FaultyFileOps ops;
  auto path = root.path() / "file";
  UniqueFd fd(ops.open(path, O_RDWR | O_CREAT, 0600));
  ASSERT_EQ(ops.pwrite(fd.get(), "text", 4, 0), 4);
  ops.lay_out(root.path(), image.path());
  EXPECT_FALSE(fs::exists(image.path() / "file"));
  ASSERT_TRUE(sync_folder(root.path(), ops));
  ops.lay_out(root.path(), image.path());
  EXPECT_EQ(fs::file_size(image.path() / "file"), 0u);
  ASSERT_EQ(ops.fsync(fd.get()), 0);
  ops.lay_out(root.path(), image.path());
  EXPECT_EQ(fs::file_size(image.path() / "file"), 4u);
}

}  // namespace
}  // namespace ncps::storage
