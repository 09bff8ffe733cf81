#include "storage/own_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/testing/temp_dir.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;

struct OwnFolder : ::testing::Test {
  testing::TempDir root;
  fs::path folder = root.path() / "deep" / "ours";

  unsigned mode() const { return static_cast<unsigned>(fs::status(folder).permissions()); }
  void touch(std::string_view name) const { std::ofstream(folder / name) << "x"; }
};

TEST_F(OwnFolder, IsMadeForUsAloneAndStaysSo) {
  EXPECT_EQ(make_own_folder(folder).value(), FolderWas::ours_alone);
  EXPECT_EQ(mode(), 0700u);
  touch("file");
  EXPECT_EQ(make_own_folder(folder).value(), FolderWas::ours_alone);
  EXPECT_TRUE(fs::exists(folder / "file"));
}

// As Kubernetes leaves a volume: the group may write, and the folder hands its group on.
TEST_F(OwnFolder, IsTakenFromAGroupThatMayWriteThere) {
  for (mode_t mode_before : {02770, 0722, 0777}) {
    fs::create_directories(folder);
    ASSERT_EQ(::chmod(folder.c_str(), mode_before), 0);
    touch("file");
    fs::create_symlink("/etc", folder / "tmp");
    EXPECT_EQ(make_own_folder(folder).value(), FolderWas::open_to_others);
    EXPECT_EQ(mode(), 0700u);
    EXPECT_TRUE(fs::exists(folder / "file"));
    EXPECT_FALSE(fs::is_symlink(folder / "tmp"));
    EXPECT_TRUE(fs::exists("/etc"));
    fs::remove_all(folder);
  }
}

TEST_F(OwnFolder, ALinkOrAFileIsRefused) {
  fs::create_directories(folder.parent_path());
  fs::create_directory_symlink(root.path(), folder);
  auto link = make_own_folder(folder);
  ASSERT_FALSE(link);
  EXPECT_TRUE(link.error().what().contains("is a link")) << link.error().what();
  fs::remove(folder);
  std::ofstream(folder) << "x";
  EXPECT_FALSE(make_own_folder(folder));
}

// Root may give one away; everybody else finds one of root's.
TEST_F(OwnFolder, SomebodyElsesIsRefusedAndNotChanged) {
  auto theirs = ::geteuid() == 0 ? folder : fs::path("/usr");
  if (theirs == folder) {
    fs::create_directories(folder);
    ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
    ASSERT_EQ(::chown(folder.c_str(), 12345, 12345), 0);
  }
  auto before = fs::status(theirs).permissions();
  auto refused = make_own_folder(theirs);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().what().contains("belongs to user")) << refused.error().what();
  EXPECT_EQ(fs::status(theirs).permissions(), before);
}

}  // namespace
}  // namespace ncps::storage
