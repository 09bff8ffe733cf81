#include "storage/s3/part_plan.h"

#include <gtest/gtest.h>

namespace ncps::s3 {
namespace {

TEST(PartPlan, HoldsTheLargestObjectWithinTheLimitsOfAPart) {
  std::uint64_t all = 0;
  for (int number = 1; number <= kMostParts; ++number) {
    auto bytes = part_bytes(number);
    EXPECT_GE(bytes, 5u << 20) << number;
    EXPECT_LE(bytes, std::uint64_t{5} << 30) << number;
    all += bytes;
  }
  EXPECT_GE(all, 5'000'000'000'000u);
  EXPECT_EQ(part_bytes(1), part_bytes(1'000));
  EXPECT_EQ(part_bytes(1'001), 2 * part_bytes(1'000));
}

}  // namespace
}  // namespace ncps::s3
