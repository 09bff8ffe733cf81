#include "storage/local/open_files.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <filesystem>
#include <fstream>

#include "base/testing/temp_dir.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct OpenFilesTest : ::testing::Test {
  ncps::testing::TempDir root;
  OpenFiles files;
  OpenFiles::Clock::time_point now = OpenFiles::Clock::now();

  void SetUp() override {
    struct statfs where{};
    ASSERT_EQ(::statfs(root.path().c_str(), &where), 0);
    ASSERT_TRUE(is_of_this_machine(where.f_type)) << "temporary files are on another machine";
  }
  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(root.path() / name) << text;
    return root.path() / name;
  }
  OpenFile keep(const std::string& name) {
    auto file = open_file(root.path() / name).value().value();
    files.keep(name, file, now);
    return file;
  }
};

TEST_F(OpenFilesTest, GivesTheSameDescriptorAgain) {
  write("a", "text");
  EXPECT_FALSE(files.find("a", now));
  auto file = keep("a");
  auto again = files.find("a", now);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->file, file.file);
  EXPECT_EQ(again->info.st_size, 4);
  EXPECT_FALSE(files.find("b", now));
}

TEST_F(OpenFilesTest, WhatIsNoLongerTheFileOfThatNameIsNotGiven) {
  using Change = void (*)(const fs::path&);
  const std::pair<const char*, Change> changes[] = {
      {"removed", [](const fs::path& file) { fs::remove(file); }},
      {"moved away", [](const fs::path& file) { fs::rename(file, file.string() + ".away"); }},
      {"cut", [](const fs::path& file) { fs::resize_file(file, 1); }},
      {"replaced", [](const fs::path& file) {
         std::ofstream(file.string() + ".new") << "next";
         fs::rename(file.string() + ".new", file);
       }}};
  for (const auto& [what, change] : changes) {
    auto path = write("file", "text");
    // As of an hour ago: two changes within one tick of the file system's clock look like one.
    const timespec hour_ago[2] = {{1'700'000'000, 0}, {1'700'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), hour_ago, 0), 0);
    std::weak_ptr<SharedFile> fd = keep("file").file;
    struct stat before = files.find("file", now)->info;
    for (struct stat other = before; other.st_ctim.tv_nsec == before.st_ctim.tv_nsec;)
      ASSERT_EQ(::stat(write("clock", what).c_str(), &other), 0);  // until the tick is over
    change(path);
    EXPECT_FALSE(files.find("file", now)) << what;
    EXPECT_TRUE(fd.expired()) << what << ": its space is still held";
  }
}

TEST_F(OpenFilesTest, IsBoundedInTimeNumberAndSize) {
  write("old", "text");
  std::weak_ptr<SharedFile> old = keep("old").file;
  EXPECT_TRUE(files.find("old", now + OpenFiles::kTime - 1s));
  EXPECT_FALSE(files.find("old", now + OpenFiles::kTime));
  now += OpenFiles::kTime;
  write("file", "text");
  keep("file");
  EXPECT_TRUE(old.expired());

  for (std::size_t i = 1; i < OpenFiles::kMost; ++i)
    files.keep(std::to_string(i), open_file(root.path() / "file").value().value(), now);
  EXPECT_TRUE(files.find("file", now));
  files.keep("one more", open_file(root.path() / "file").value().value(), now);
  EXPECT_FALSE(files.find("file", now));
  EXPECT_TRUE(files.find("1", now));

  fs::resize_file(write("large", ""), OpenFiles::kLargest + 1);
  keep("large");
  EXPECT_FALSE(files.find("large", now));
}

TEST_F(OpenFilesTest, ForgetsAtOnce) {
  write("a", "text");
  std::weak_ptr<SharedFile> fd = keep("a").file;
  files.forget("a");
  files.forget("never kept");
  EXPECT_TRUE(fd.expired());
  EXPECT_FALSE(files.find("a", now));
}

TEST_F(OpenFilesTest, WhatIsLetGoOfIsRetiredForWhoHoldsItStill) {
  auto path = write("a", "text");
  auto forgotten = keep("a").file;
  EXPECT_FALSE(forgotten->retired);
  files.forget("a");
  EXPECT_TRUE(forgotten->retired);

  auto before = keep("a").file;
  auto after = keep("a").file;
  EXPECT_TRUE(before->retired);
  EXPECT_FALSE(after->retired);

  fs::resize_file(path, 1);
  EXPECT_FALSE(files.find("a", now));
  EXPECT_TRUE(after->retired);

  auto crowded_out = keep("a").file;
  for (std::size_t i = 0; i < OpenFiles::kMost; ++i) {
    EXPECT_FALSE(crowded_out->retired) << i;
    files.keep(std::to_string(i), open_file(path).value().value(), now);
  }
  EXPECT_TRUE(crowded_out->retired);

  auto aged = keep("a").file;
  now += OpenFiles::kTime;
  EXPECT_FALSE(aged->retired);
  write("b", "text");
  keep("b");
  EXPECT_TRUE(aged->retired);
}

TEST(FileSystemTypes, OfOtherMachinesAreNotOurs) {
  for (auto ours :
       std::initializer_list<std::int64_t>{EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, TMPFS_MAGIC})
    EXPECT_TRUE(is_of_this_machine(ours));
  for (auto other :
       std::initializer_list<std::int64_t>{NFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, FUSE_SUPER_MAGIC, 0})
    EXPECT_FALSE(is_of_this_machine(other));
}

}  // namespace
}  // namespace ncps::storage
