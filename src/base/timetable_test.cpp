#include "base/timetable.h"

#include <gtest/gtest.h>

namespace ncps {
namespace {

using namespace std::chrono;

// Of a day in January 2026.
sys_seconds at(int day, int hour, int minute = 0, int second = 0) {
  return sys_days(January / day / 2026) + hours(hour) + minutes(minute) + seconds(second);
}

struct TimetableTest : ::testing::Test {
  CronSchedule daily = CronSchedule::parse("0 3 * * *", "UTC").value();
};

TEST_F(TimetableTest, EachTimeIsDueOnceAndUntilItIsFollowed) {
  Timetable times(at(1, 2, 59, 58));
  EXPECT_EQ(times.left(daily, at(1, 2, 59, 58)), seconds(2));
  EXPECT_EQ(times.left(daily, at(1, 3)), seconds(0));
  EXPECT_EQ(times.left(daily, at(1, 3, 0, 5)), seconds(-5));
  times.followed(at(1, 3, 0, 5));
  EXPECT_EQ(times.left(daily, at(1, 3, 0, 5)), hours(24) - seconds(5));
}

TEST_F(TimetableTest, AClockThatWasFarAheadLeavesNobodyWaitingForItsTimes) {
  const sys_seconds ahead = sys_days(June / 1 / 2040);
  for (bool followed : {false, true}) {
    Timetable times(followed ? at(1, 2) : ahead);
    if (followed) {
      EXPECT_LE(times.left(daily, ahead), seconds(0));
      times.followed(ahead);
    }
    EXPECT_EQ(times.left(daily, at(1, 2, 59)), minutes(1)) << followed;
    EXPECT_EQ(times.left(daily, at(1, 3)), seconds(0)) << followed;
  }
}

TEST_F(TimetableTest, AClockThatWasBehindIsDueAtOnceAndThenInItsTurn) {
  Timetable times(sys_days(January / 1 / 1970));
  EXPECT_LE(times.left(daily, at(1, 12)), seconds(0));
  times.followed(at(1, 12));
  EXPECT_EQ(times.left(daily, at(1, 12)), hours(15));
}

TEST_F(TimetableTest, AClockThatIsSetBackALittleMayHaveItsTimeTwiceButNeverNone) {
  Timetable times(at(1, 2));
  EXPECT_EQ(times.left(daily, at(1, 3)), seconds(0));
  times.followed(at(1, 3));
  EXPECT_EQ(times.left(daily, at(1, 2, 59)), minutes(1));
  EXPECT_EQ(times.left(daily, at(1, 3)), seconds(0));
}

TEST_F(TimetableTest, WhatNeverComesIsNeverDue) {
  auto never = CronSchedule::parse("0 0 30 2 *", "UTC").value();
  EXPECT_EQ(Timetable(at(1, 1)).left(never, at(2, 2)), std::nullopt);
}

}  // namespace
}  // namespace ncps
