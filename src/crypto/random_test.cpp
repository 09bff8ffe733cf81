#include "crypto/random.h"

#include <gtest/gtest.h>

#include <set>

namespace ncps::crypto {
namespace {

TEST(RandomBytes, AreAsManyAsAskedForAndNeverTheSame) {
  std::set<Bytes> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_bytes(16).value());
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_EQ(seen.begin()->size(), 16u);
  EXPECT_TRUE(random_bytes(0).value().empty());
}

}  // namespace
}  // namespace ncps::crypto
