#include "storage/spool_owner.h"

#include <gtest/gtest.h>

namespace ncps::storage {
namespace {

using namespace std::chrono_literals;

TEST(SpoolOwner, ALockTellsOnThisMachineAndALongSilenceOnOthers) {
  struct Row {
    bool of_this_machine;
    LockState lock;
    std::chrono::seconds quiet;
    bool left_behind;
  } rows[] = {
      {true, LockState::held, 0s, false},      {true, LockState::held, 24h, false},
      {true, LockState::free, 0s, true},       {true, LockState::free, -5s, true},
      {true, LockState::unknown, 899s, false}, {true, LockState::unknown, 900s, true},
      {false, LockState::held, 24h, false},    {false, LockState::free, 0s, false},
      {false, LockState::free, 899s, false},   {false, LockState::free, 900s, true},
      {false, LockState::unknown, 0s, false},  {false, LockState::unknown, 24h, true},
      {false, LockState::free, -24h, false},  // its clock is ahead: it beats
  };
  for (const auto& row : rows)
    EXPECT_EQ(is_left_behind(row.of_this_machine, row.lock, row.quiet, 15min), row.left_behind)
        << row.of_this_machine << static_cast<int>(row.lock) << row.quiet.count();
}

TEST(SpoolOwner, NamesTellTheMachine) {
  EXPECT_GE(this_machine().size(), 16u);
  EXPECT_EQ(this_machine().find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_TRUE(is_of_this_machine(spool_folder_name()));
  EXPECT_NE(spool_folder_name(), spool_folder_name());
  for (auto name : {"", "4711-123456789", "0123456789abcdef01-4711-123", "lock"})
    EXPECT_FALSE(is_of_this_machine(name)) << name;
  EXPECT_FALSE(is_of_this_machine(this_machine()));
  EXPECT_FALSE(is_of_this_machine(this_machine() + "0-1-2"));
}

}  // namespace
}  // namespace ncps::storage
