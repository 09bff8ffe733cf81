#include "db/database_time.h"

#include <gtest/gtest.h>

namespace ncps::db {
namespace {

TEST(DatabaseTime, IsReadAsEachDatabaseAndDriverWritesIt) {
  for (auto text : {
           "2025-01-02 03:04:05",
           "2025-01-02T03:04:05Z",
           "2025-01-02 03:04:05.123456",
           "2025-01-02 03:04:05+00",
           "2025-01-02 03:04:05.9+00:00",
           "2025-01-02 04:04:05.123456789+01:00",
           "2025-01-01 21:34:05-05:30",
           "2025-01-02 05:04:05.5 +0200 CEST",
           "2025-01-02 03:04:05 +0000 UTC m=+0.01",
       }) {
    auto time = parse_time(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(print_time(*time), "2025-01-02 03:04:05") << text;
  }
}

TEST(DatabaseTime, WhatIsNoTimeIsAbsent) {
  for (auto text : {"", "now", "2025-01-02", "2025-13-02 03:04:05", "2025-02-30 03:04:05",
                    "2025-01-02 24:04:05", "2025-01-02 03:04:05 yesterday", "2025-01-02 03:04:05+1",
                    "0000-00-00 00:00:00", "1735787045"})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST(DatabaseTime, IsPrintedAsItIsRead) {
  for (auto text : {"1970-01-01 00:00:00", "1999-12-31 23:59:59", "2024-02-29 12:00:00"})
    EXPECT_EQ(print_time(parse_time(text).value()), text);
}

}  // namespace
}  // namespace ncps::db
