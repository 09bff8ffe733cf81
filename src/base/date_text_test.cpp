#include "base/date_text.h"

#include <gtest/gtest.h>

namespace ncps {
namespace {

using namespace std::chrono;

TEST(DateText, IsReadToTheSecondWhateverFollows) {
  auto expected = sys_days(year(2024) / 2 / 29) + hours(23) + minutes(59) + seconds(8);
  for (auto text : {"2024-02-29 23:59:08", "2024-02-29T23:59:08", "2024-02-29 23:59:08.25+01"})
    EXPECT_EQ(parse_date_text(text, " T"), expected) << text;
}

TEST(DateText, WhatIsNoDateIsAbsent) {
  for (auto text :
       {"", "2024-02-29", "2024-02-29 23:59:0", "2023-02-29 00:00:00", "2024-13-01 00:00:00",
        "2024-01-01 24:00:00", "2024-01-01 00:60:00", "2024-01-01 00:00:61", "2024-01-01x00:00:00",
        "2024/01/01 00:00:00", "+024-01-01 00:00:00", "2024-01-01T00:00:00"})
    EXPECT_EQ(parse_date_text(text, " "), std::nullopt) << text;
}

}  // namespace
}  // namespace ncps
