#include <gtest/gtest.h>

#include <cstdlib>

#include "base/byte_size.h"
#include "base/cron.h"
#include "base/duration.h"

namespace ncps {
namespace {

using namespace std::chrono;

TEST(ByteSize, ReadsTheContractsFormsAndMore) {
  struct {
    std::string_view text;
    std::uint64_t bytes;
  } table[] = {{"0", 0},
               {"5K", 5 << 10},
               {"10G", 10ULL << 30},
               {"10g", 10ULL << 30},
               {"10GiB", 10ULL << 30},
               {"10GB", 10ULL << 30},
               {"1.5T", 3ULL << 39},
               {"100B", 100},
               {"2 M", 2 << 20},
               {"0B", 0},
               {"1P", 1ULL << 50},
               {"0.5K", 512}};
  for (const auto& row : table)
    EXPECT_EQ(parse_byte_size(row.text).value_or(1), row.bytes) << row.text;
}

TEST(ByteSize, RefusesWhatIsNone) {
  for (auto bad : {"", "10", "G", "-1G", "1e3G", "10X", "10GG", "10iB", "10BiB", "nan", "inf",
                   "10G ", " 10G", "99999999P", "1,5G", "0x10G"})
    EXPECT_FALSE(parse_byte_size(bad)) << bad;
}

TEST(ByteSize, PrintsForPeople) {
  EXPECT_EQ(print_byte_size(0), "0 B");
  EXPECT_EQ(print_byte_size(1023), "1023 B");
  EXPECT_EQ(print_byte_size(1536), "1.5 KiB");
  EXPECT_EQ(print_byte_size(10ULL << 30), "10.0 GiB");
}

TEST(Duration, ReadsWhatGoWrites) {
  struct {
    std::string_view text;
    nanoseconds want;
  } table[] = {{"0", 0s},       {"300ms", 300ms},     {"3s", 3s},     {"1h30m", 90min},
               {"1.5h", 90min}, {"2m3.5s", 123500ms}, {"10us", 10us}, {"10µs", 10us},
               {"7ns", 7ns},    {"24h0m0s", 24h}};
  for (const auto& row : table)
    EXPECT_EQ(parse_duration(row.text).value_or(1ns), row.want) << row.text;
}

TEST(Duration, RefusesWhatIsNone) {
  for (auto bad : {"", "3", "s", "3 s", "-3s", "3d", "3s2", "1e3s", "9999999999h", "nan"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Duration, PrintsWhatItReads) {
  for (auto text : {"0s", "300ms", "3s", "1h30m0s", "1.5s", "2m3.25s", "24h0m0s"})
    EXPECT_EQ(print_duration(parse_duration_ms(text).value()), text);
}

sys_seconds at(int y, unsigned m, unsigned d, int hour = 0, int minute = 0) {
  return sys_days(year(y) / month(m) / day(d)) + hours(hour) + minutes(minute);
}

sys_seconds next(std::string_view cron, sys_seconds after, std::string_view zone = "UTC") {
  return CronSchedule::parse(cron, zone).value().next_after(after).value();
}

TEST(Cron, FindsTheNextTime) {
  auto now = at(2026, 11, 22, 10, 7);  // a Sunday
  EXPECT_EQ(next("*/15 * * * *", now), at(2026, 11, 22, 10, 15));
  EXPECT_EQ(next("7 10 * * *", now), at(2026, 11, 23, 10, 7)) << "after, not at";
  EXPECT_EQ(next("0 2 * * *", now), at(2026, 11, 23, 2));
  EXPECT_EQ(next("0 0 * * MON", now), at(2026, 11, 23));
  EXPECT_EQ(next("0 0 * * 7", now), at(2026, 11, 29)) << "7 is Sunday";
  EXPECT_EQ(next("30 4 1,15 * 5", now), at(2026, 11, 27, 4, 30)) << "day of month or of week";
  EXPECT_EQ(next("0 0 29 feb *", now), at(2028, 2, 29));
  EXPECT_EQ(next("5/20 8-10/2 * * *", now), at(2026, 11, 22, 10, 25));
  EXPECT_EQ(next("0 0 1 jan-mar/2 *", now), at(2027, 1, 1));
  EXPECT_EQ(next("@daily", now), at(2026, 11, 23));
  EXPECT_EQ(next("@hourly", now), at(2026, 11, 22, 11));
  EXPECT_EQ(next("@weekly", now), at(2026, 11, 29));
  EXPECT_EQ(next("@monthly", now), at(2026, 12, 1));
  EXPECT_EQ(next("@yearly", now), at(2027, 1, 1));
  EXPECT_EQ(next("@every 1h30m", now), now + 90min);
  EXPECT_EQ(next("? ? ? ? ?", now), now + 1min);
}

TEST(Cron, AZoneOfTheTextGoesBeforeTheOptionsAndClockChangesAreLivedThrough) {
  auto winter = at(2026, 11, 22, 12);
  EXPECT_EQ(next("CRON_TZ=Europe/Berlin 0 2 * * *", winter, "UTC"), at(2026, 11, 23, 1));
  EXPECT_EQ(next("TZ=Asia/Tokyo 0 2 * * *", winter, "Europe/Berlin"), at(2026, 11, 22, 17));
  // On 29 March 2026 Berlin has no 02:30; on 25 October it has it twice.
  EXPECT_EQ(next("30 2 * * *", at(2026, 3, 28, 12), "Europe/Berlin"), at(2026, 3, 30, 0, 30));
  EXPECT_EQ(next("30 2 * * *", at(2026, 10, 24, 12), "Europe/Berlin"), at(2026, 10, 25, 0, 30));
  EXPECT_EQ(next("30 2 * * *", at(2026, 10, 25, 0, 30), "Europe/Berlin"), at(2026, 10, 26, 1, 30));
}

TEST(Cron, LocalIsTheVariableTzOrElseTheSystemsOrElseUtc) {
  auto before = std::getenv("TZ") == nullptr ? std::optional<std::string>() : std::getenv("TZ");
  auto winter = at(2026, 11, 22, 12);
  ::setenv("TZ", "Asia/Tokyo", 1);
  EXPECT_EQ(next("0 2 * * *", winter, "Local"), at(2026, 11, 22, 17));
  EXPECT_EQ(next("0 2 * * *", winter, ""), at(2026, 11, 22, 17));
  ::setenv("TZ", ":Europe/Berlin", 1);
  EXPECT_EQ(next("0 2 * * *", winter, "Local"), at(2026, 11, 23, 1));
  ::setenv("TZ", "No/Such", 1);
  EXPECT_EQ(next("0 2 * * *", winter, "Local"), at(2026, 11, 23, 2)) << "UTC, as Go takes it";
  before ? ::setenv("TZ", before->c_str(), 1) : ::unsetenv("TZ");
}

TEST(Cron, NeverIsAnAnswer) {
  EXPECT_EQ(CronSchedule::parse("0 0 30 2 *", "UTC").value().next_after(at(2026, 1, 1)),
            std::nullopt);
}

TEST(Cron, RefusesWhatIsNone) {
  for (auto bad :
       {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
        "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *", "@often", "@every", "@every 5",
        "@every 0s", "CRON_TZ=Nowhere/City 0 2 * * *", "1, * * * x", "-1 * * * *"})
    EXPECT_FALSE(CronSchedule::parse(bad, "UTC")) << bad;
  EXPECT_FALSE(CronSchedule::parse("@daily", "Mars/Base"));
}

}  // namespace
}  // namespace ncps
