#include "http/range.h"

#include <gtest/gtest.h>

#include <limits>

namespace ncps::http {
namespace {

constexpr auto kWhole = RangeAnswer::whole;
constexpr auto kPart = RangeAnswer::part;
constexpr auto kUnsatisfiable = RangeAnswer::unsatisfiable;

TEST(Range, IsDecidedAsTheRfcSays) {
  struct Row {
    std::string_view header;
    std::uint64_t size;
    RangeAnswer answer;
    ByteRange range{};
  };
  const Row rows[] = {
      {"", 100, kWhole},
      {"bytes=0-9", 100, kPart, {0, 9}},
      {"bytes=0-0", 100, kPart, {0, 0}},
      {"bytes=99-99", 100, kPart, {99, 99}},
      {"bytes=90-", 100, kPart, {90, 99}},
      {"bytes=0-", 100, kPart, {0, 99}},
      {"bytes=90-1000", 100, kPart, {90, 99}},
      {"bytes=-1", 100, kPart, {99, 99}},
      {"bytes=-100", 100, kPart, {0, 99}},
      {"bytes=-101", 100, kPart, {0, 99}},
      {"BYTES = 1-2 ", 100, kPart, {1, 2}},
      {"bytes=100-", 100, kUnsatisfiable},
      {"bytes=100-200", 100, kUnsatisfiable},
      {"bytes=-0", 100, kUnsatisfiable},
      // Nothing has no first byte; its last bytes are all of it.
      {"bytes=0-", 0, kUnsatisfiable},
      {"bytes=0-0", 0, kUnsatisfiable},
      {"bytes=-5", 0, kWhole},
      {"bytes=-0", 0, kUnsatisfiable},
      // Beyond 64 bits is beyond every end.
      {"bytes=18446744073709551616-", 100, kUnsatisfiable},
      {"bytes=0-18446744073709551616", 100, kPart, {0, 99}},
      {"bytes=-18446744073709551616", 100, kPart, {0, 99}},
      {"bytes=18446744073709551615-18446744073709551615", ~0ull, kUnsatisfiable},
      {"bytes=18446744073709551614-", ~0ull, kPart, {~0ull - 1, ~0ull - 1}},
      // Ignored: several, another unit, malformed.
      {"bytes=0-1,5-6", 100, kWhole},
      {"bytes=0-1, 5-6", 100, kWhole},
      {"bytes=-1,-2", 100, kWhole},
      {"bytes=5-4", 100, kWhole},
      {"bytes=", 100, kWhole},
      {"bytes=-", 100, kWhole},
      {"bytes", 100, kWhole},
      {"bytes=a-b", 100, kWhole},
      {"bytes=1-b", 100, kWhole},
      {"bytes=+1-2", 100, kWhole},
      {"bytes=1--2", 100, kWhole},
      {"bytes=--2", 100, kWhole},
      {"bytes=1 -2", 100, kWhole},
      {"bytes=0x1-2", 100, kWhole},
      {"lines=0-9", 100, kWhole},
      {"0-9", 100, kWhole},
  };
  for (const auto& row : rows) {
    auto decision = decide_range(row.header, row.size);
    EXPECT_EQ(decision.answer, row.answer) << row.header << " of " << row.size;
    if (row.answer == kPart)
      EXPECT_EQ(decision.range, row.range)
          << row.header << ": " << decision.range.first << '-' << decision.range.last;
  }
}

TEST(Range, LengthCountsBothEnds) {
  EXPECT_EQ((ByteRange{0, 0}.length()), 1u);
  EXPECT_EQ((ByteRange{10, 19}.length()), 10u);
}

TEST(Range, IfRangeAllowsOnlyOurStrongTag) {
  EXPECT_TRUE(if_range_allows("", "\"a\""));
  EXPECT_TRUE(if_range_allows("\"a\"", "\"a\""));
  EXPECT_TRUE(if_range_allows(" \"a\" ", "\"a\""));
  EXPECT_FALSE(if_range_allows("\"b\"", "\"a\""));
  EXPECT_FALSE(if_range_allows("W/\"a\"", "\"a\""));
  EXPECT_FALSE(if_range_allows("W/\"a\"", "W/\"a\""));
  EXPECT_FALSE(if_range_allows("Sun, 06 Nov 1994 08:49:37 GMT", "\"a\""));
}

TEST(Range, IfNoneMatchReadsLists) {
  EXPECT_TRUE(if_none_match("\"a\"", "\"a\""));
  EXPECT_TRUE(if_none_match("W/\"a\"", "\"a\""));
  EXPECT_TRUE(if_none_match("*", "\"a\""));
  EXPECT_TRUE(if_none_match("\"x\", \"a\"", "\"a\""));
  EXPECT_TRUE(if_none_match("\"x,\\\",W/\"a\"", "\"a\""));
  EXPECT_TRUE(if_none_match("\"x\",,  \"a\"", "\"a\""));
  EXPECT_FALSE(if_none_match("", "\"a\""));
  EXPECT_FALSE(if_none_match("\"b\"", "\"a\""));
  EXPECT_FALSE(if_none_match("\"x, \"a\"", "\"a\""));
  EXPECT_FALSE(if_none_match("a", "\"a\""));
  EXPECT_FALSE(if_none_match("\"b\" \"a\"", "\"a\""));
  EXPECT_FALSE(if_none_match("\"a", "\"a\""));
}

TEST(Range, ContentRangeIsPrinted) {
  EXPECT_EQ(content_range({0, 9}, 100), "bytes 0-9/100");
  EXPECT_EQ(content_range_unsatisfied(100), "bytes */100");
}

TEST(Range, IsKnownBeforeTheSizeIs) {
  const auto end = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(parse_range("bytes=3-9"), (AskedRange{.first = 3, .last = 9}));
  EXPECT_EQ(parse_range("bytes=3-"), (AskedRange{.first = 3, .last = end}));
  EXPECT_EQ(parse_range("bytes=-7"), (AskedRange{.last = 7}));
  for (auto ignored : {"", "bytes", "items=0-1", "bytes=9-3", "bytes=0-1,3-4", "bytes=x-"})
    EXPECT_EQ(parse_range(ignored), std::nullopt) << ignored;
}

}  // namespace
}  // namespace ncps::http
