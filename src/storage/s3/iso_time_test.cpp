#include "storage/s3/iso_time.h"

#include <gtest/gtest.h>

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;

TEST(IsoTime, ReadsWhatServersWrite) {
  auto day = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);
  EXPECT_EQ(parse_iso_time("2026-11-22T00:00:00Z"), day);
  EXPECT_EQ(parse_iso_time("2026-11-22T12:34:56.789Z"), day + 12h + 34min + 56s);
  EXPECT_EQ(parse_iso_time("2024-02-29T23:59:59.1Z"),
            std::chrono::sys_days(std::chrono::year(2024) / 2 / 29) + 24h - 1s);
}

TEST(IsoTime, RefusesEverythingElse) {
  for (const auto* bad : {"", "Z", "2026-11-22", "2026-11-22T00:00:00", "2026-11-22T00:00:00+01:00",
                          "2026-11-22 00:00:00Z", "2026-11-22T00:00:00.Z", "2026-11-22T00:00:00.xZ",
                          "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
                          "2026-11-22T24:00:00Z", "2026-11-22T00:60:00Z", "2026-11-22T00:00:61Z",
                          "+026-11-22T00:00:00Z", "2026-11-22T00:00:00ZZ", "2026-11-22T00:00:0xZ"})
    EXPECT_FALSE(parse_iso_time(bad)) << bad;
}

}  // namespace
}  // namespace ncps::s3
