// Spool folders of other machines, and of this one when it was taken for dead. The rest is in
// local/local_blob_store_test.cpp.
#include "storage/spool_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "base/testing/temp_dir.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ncps::testing::TempDir;

constexpr auto kOtherMachine = "fedcba98765432100-17-4711";
constexpr auto kEarlierVersion = "17-4711";

// `age` seconds old, by the clock of the file system.
void set_age(const fs::path& path, std::chrono::seconds age) {
  auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  timespec then{.tv_sec = (now - age).time_since_epoch().count(), .tv_nsec = 0};
  timespec both[] = {then, then};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), both, 0), 0) << path;
}

struct SpoolDirOfOthers : ::testing::Test {
  TempDir root;

  // A folder as another process left it, or has it: a lock and a file, all so old.
  fs::path folder(const std::string& name, std::chrono::seconds age) {
    auto path = root.path() / name;
    fs::create_directory(path);
    for (auto file : {"lock", "0"}) {
      std::ofstream(path / file) << "x";
      set_age(path / file, age);
    }
    set_age(path, age);
    return path;
  }
  bool is_stale(const fs::path& path) {
    for (const auto& name : SpoolDir::stale(root.path(), 100).value())
      if (name == path.native()) return true;
    return false;
  }
};

TEST_F(SpoolDirOfOthers, GoAfterALongSilenceAndNotBefore) {
  for (auto name : {kOtherMachine, kEarlierVersion, "no-name-of-ours"}) {
    auto quiet = folder(name, 14min);
    EXPECT_FALSE(is_stale(quiet));
    SpoolDir::open(root.path()).value();
    EXPECT_TRUE(fs::exists(quiet / "0")) << name;
    for (const auto& path : {quiet / "lock", quiet / "0", quiet}) set_age(path, 16min);
    EXPECT_TRUE(is_stale(quiet));
    SpoolDir::open(root.path()).value();
    EXPECT_FALSE(fs::exists(quiet)) << name;
  }
}

TEST_F(SpoolDirOfOthers, WhoWritesOrBeatsIsAlive) {
  auto writes = folder(kEarlierVersion, 16min);  // has no heartbeat
  set_age(writes / "0", 1min);
  auto beats = folder(kOtherMachine, 16min);
  set_age(beats / "lock", 1min);
  SpoolDir::open(root.path()).value();
  EXPECT_TRUE(fs::exists(writes));
  EXPECT_TRUE(fs::exists(beats));
}

TEST_F(SpoolDirOfOthers, WhoHoldsItsLockIsAliveHoweverQuiet) {
  auto quiet = folder(kOtherMachine, 24h);
  UniqueFd lock(::open((quiet / "lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_FALSE(is_stale(quiet));
  SpoolDir::open(root.path()).value();
  EXPECT_TRUE(fs::exists(quiet));
  lock.reset();
  SpoolDir::open(root.path()).value();
  EXPECT_FALSE(fs::exists(quiet));
}

TEST_F(SpoolDirOfOthers, OneThatIsBeingMadeJustNowIsLeft) {
  fs::create_directory(root.path() / kOtherMachine);  // its lock comes next
  SpoolDir::open(root.path()).value();
  EXPECT_TRUE(fs::exists(root.path() / kOtherMachine));
}

TEST_F(SpoolDirOfOthers, ALockOfAnotherMachinesStartIsLeftForAWhile) {
  auto lock = root.path() / "lock-fedcba98765432100", old = root.path() / "lock";
  for (const auto& path : {lock, old}) std::ofstream(path) << "";
  SpoolDir::open(root.path()).value();
  EXPECT_TRUE(fs::exists(lock));
  EXPECT_TRUE(fs::exists(old));
  for (const auto& path : {lock, old}) set_age(path, 16min);
  SpoolDir::open(root.path()).value();
  EXPECT_FALSE(fs::exists(lock));
  EXPECT_FALSE(fs::exists(old));
}

// Runs until it is so; ctest ends a test that never is.
template <class F>
void until(F condition) {
  while (!condition()) std::this_thread::sleep_for(1ms);
}

TEST_F(SpoolDirOfOthers, AHeartbeatIsSeenAndLooksAfterOthers) {
  auto ours = SpoolDir::open(root.path(), FileOps::real(), {.beat = 5ms, .silence = 15min}).value();
  auto lock = ours->path() / "lock";
  set_age(lock, 1h);
  auto old = fs::last_write_time(lock);
  until([&] { return fs::last_write_time(lock) != old; });
  auto quiet = folder(kOtherMachine, 16min);
  until([&] { return !fs::exists(quiet); });
}

TEST_F(SpoolDirOfOthers, WhoWasTakenForDeadGoesOn) {
  auto ours = SpoolDir::open(root.path()).value();
  auto file = ours->create().value();
  fs::remove_all(ours->path());
  ASSERT_TRUE(file->append("its bytes are still there to be read"));
  EXPECT_FALSE(file->move_to(root.path() / "published"));  // but have no name any more
  EXPECT_FALSE(fs::exists(root.path() / "published"));

  auto next = ours->create();
  ASSERT_TRUE(next) << next.error().what();
  EXPECT_TRUE((*next)->append("x"));
  EXPECT_TRUE((*next)->move_to(root.path() / "published"));
  EXPECT_FALSE(is_stale(ours->path()));  // it is locked again
  auto other = SpoolDir::open(root.path()).value();
  EXPECT_TRUE(fs::exists(ours->path()));
}

TEST_F(SpoolDirOfOthers, AHeartMakesItsFolderAgain) {
  auto ours = SpoolDir::open(root.path(), FileOps::real(), {.beat = 5ms, .silence = 15min}).value();
  fs::remove_all(ours->path());
  until([&] { return fs::exists(ours->path() / "lock"); });
  EXPECT_TRUE(ours->create());
}

}  // namespace
}  // namespace ncps::storage
