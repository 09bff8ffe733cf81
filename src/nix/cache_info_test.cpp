#include "nix/cache_info.h"

#include <gtest/gtest.h>

namespace ncps::nix {
namespace {

TEST(CacheInfo, ReadsTheKnownKeysAndPassesOverTheRest) {
  auto info = parse_cache_info(
      "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\nnonsense\nFoo: bar\n");
  EXPECT_EQ(info, (CacheInfo{"/nix/store", true, 40}));
}

TEST(CacheInfo, ToleratesWhatNixTolerates) {
  EXPECT_EQ(parse_cache_info("StoreDir:/nix/store\r\n\r\n  Priority :\t30  "),
            (CacheInfo{"/nix/store", std::nullopt, 30}));
  EXPECT_EQ(parse_cache_info("WantMassQuery: 0").want_mass_query, false);
  EXPECT_EQ(parse_cache_info("Priority: -1").priority, -1);
  EXPECT_EQ(parse_cache_info("StoreDir: \t"), CacheInfo{});
  EXPECT_EQ(parse_cache_info(""), CacheInfo{});
  EXPECT_EQ(parse_cache_info("<html>not: found</html>\n\n:\n"), CacheInfo{});
  EXPECT_EQ(parse_cache_info("storedir: /x\npriority: 1"), CacheInfo{});
}

TEST(CacheInfo, APriorityThatIsNoNumberIsAbsent) {
  for (const char* text : {"Priority: abc", "Priority:", "Priority: 4x", "Priority: 99999999999",
                           "Priority: 1 2", "Priority: 4.5"}) {
    EXPECT_EQ(parse_cache_info(text).priority, std::nullopt) << text;
  }
}

TEST(CacheInfo, PrintsWithoutAFinalNewlineAndReadsItselfBack) {
  const CacheInfo info{"/nix/store", true, 10};
  EXPECT_EQ(print_cache_info(info), "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 10");
  for (const auto& some : {info, CacheInfo{}, CacheInfo{std::nullopt, false, std::nullopt},
                           CacheInfo{std::nullopt, std::nullopt, -3}}) {
    EXPECT_EQ(parse_cache_info(print_cache_info(some)), some);
  }
}

}  // namespace
}  // namespace ncps::nix
