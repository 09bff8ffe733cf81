#include "cache/in_use.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace ncps::cache {
namespace {

nix::NarUrl url(int number) {
  return nix::NarUrl::parse("nar/" + std::to_string(number) + ".nar.xz").value();
}

TEST(InUse, IsReadForAsLongAsOneTokenLives) {
  InUse in_use;
  EXPECT_FALSE(in_use.contains(url(1)));
  auto first = in_use.hold(url(1)), second = in_use.hold(url(1)), copy = second;
  for (auto* token : {&first, &second, &copy}) {
    EXPECT_TRUE(in_use.contains(url(1)));
    EXPECT_FALSE(in_use.contains(url(2)));
    token->reset();
  }
  EXPECT_FALSE(in_use.contains(url(1)));
  EXPECT_TRUE(in_use.hold(url(1)));
}

// So many that the tables grow while tokens point into them.
TEST(InUse, CountsEachByItself) {
  constexpr int kMany = 5'000;
  InUse in_use;
  std::vector<InUse::Token> tokens;
  for (int i = 0; i < kMany; ++i) tokens.push_back(in_use.hold(url(i)));
  for (int i = 0; i < kMany; i += 2) tokens[static_cast<std::size_t>(i)].reset();
  for (int i = 0; i < kMany; ++i) ASSERT_EQ(in_use.contains(url(i)), i % 2 == 1) << i;
}

TEST(InUse, ATokenMayOutliveIt) {
  auto in_use = std::make_unique<InUse>();
  auto one = in_use->hold(url(1)), same = in_use->hold(url(1));
  in_use.reset();
  one.reset();
  same.reset();
}

TEST(InUse, ManyThreadsHoldAndLetGoAtOnce) {
  InUse in_use;
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 4; ++n)
      threads.emplace_back([&] {
        for (int i = 0; i < 2'000; ++i) {
          auto token = in_use.hold(url(i % 3));
          EXPECT_TRUE(in_use.contains(url(i % 3)));
        }
      });
  }
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(in_use.contains(url(i)));
}

}  // namespace
}  // namespace ncps::cache
