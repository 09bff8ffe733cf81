#include "cache/nar_layout.h"

#include <gtest/gtest.h>

namespace ncps::cache {
namespace {

TEST(NarLayout, IsThatOfTheContract) {
  auto nar = [](std::string_view url) { return nar_key(nix::NarUrl::parse(url).value()).str(); };
  EXPECT_EQ(nar("nar/1abc.nar.xz"), "store/nar/1/1a/1abc.nar.xz");
  EXPECT_EQ(nar("nar/x.nar"), "store/nar/x/x./x.nar");
  EXPECT_EQ(nar("nar/-_.nar.zst?a=b"), "store/nar/-/-_/-_.nar.zst");
  auto hash = nix::StorePathHash::parse("26xbg1ndr7hbcncrlf9nhx5is2b25d13").value();
  EXPECT_EQ(narinfo_key(hash).str(), "store/narinfo/2/26/26xbg1ndr7hbcncrlf9nhx5is2b25d13.narinfo");
  EXPECT_EQ(signing_key_key().str(), "config/cache.key");
}

}  // namespace
}  // namespace ncps::cache
