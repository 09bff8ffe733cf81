#include "fetch/http_client.h"

#include <gtest/gtest.h>

namespace ncps::fetch {
namespace {

TEST(ContentRange, IsReadAsTheRfcWritesIt) {
  struct Row {
    std::string_view value;
    std::uint64_t first;
    std::optional<std::uint64_t> total;
  };
  const Row rows[] = {
      {"bytes 0-9/100", 0, 100},
      {"bytes 0-0/1", 0, 1},
      {"bytes 90-99/100", 90, 100},
      {"bytes 5-9/*", 5, {}},
      {"bytes 18446744073709551613-18446744073709551614/18446744073709551615", ~0ull - 2, ~0ull},
      {"Bytes 0-9/100", 0, 100},  // range units are case-insensitive
  };
  for (const auto& row : rows) {
    auto range = parse_content_range(row.value);
    ASSERT_TRUE(range.has_value()) << row.value;
    EXPECT_EQ(range->first, row.first) << row.value;
    EXPECT_EQ(range->total, row.total) << row.value;
  }
}

TEST(ContentRange, IsAbsentIfItIsMalformed) {
  for (std::string_view value : {"",
                                 "bytes",
                                 "bytes ",
                                 "bytes */100",
                                 "bytes 0-9",
                                 "bytes 0/9",
                                 "bytes 9-0/100",
                                 "bytes 0-100/100",
                                 "bytes 0-9/9",
                                 "bytes -9/100",
                                 "bytes 0-/100",
                                 "bytes 0-9/",
                                 "0-9/100",
                                 "lines 0-9/100",
                                 "bytes 0-9/100x",
                                 "bytes x0-9/100",
                                 "bytes 0 - 9/100",
                                 "bytes 0-9/-1",
                                 "bytes +0-9/100",
                                 "bytes 0-9/**",
                                 "bytes=0-9/100",
                                 "bytes 0/9-100",
                                 "bytes 0-1-2/100",
                                 "bytes 0-18446744073709551616/*",
                                 "bytes 18446744073709551616-18446744073709551617/*"}) {
    EXPECT_FALSE(parse_content_range(value).has_value()) << value;
  }
}

TEST(RetryAfter, IsReadInSecondsOnly) {
  EXPECT_EQ(parse_retry_after("0"), std::chrono::seconds(0));
  EXPECT_EQ(parse_retry_after("120"), std::chrono::seconds(120));
  EXPECT_EQ(parse_retry_after("4294967295"), std::chrono::seconds(4294967295));
  for (std::string_view value : {"", "-1", "+1", "1.5", "1s", " 1", "1 ", "4294967296",
                                 "Wed, 21 Oct 2015 07:28:00 GMT", "soon"}) {
    EXPECT_FALSE(parse_retry_after(value).has_value()) << value;
  }
}

}  // namespace
}  // namespace ncps::fetch
