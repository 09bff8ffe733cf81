#include "upstream/configured_upstreams.h"

#include <gtest/gtest.h>

#include "fetch/testing/scripted_client.h"

namespace ncps::upstream {
namespace {

struct ConfiguredUpstreamsTest : ::testing::Test {
  static HttpUpstreamOptions options(std::string_view url) {
    return {.url = UpstreamUrl::parse(url).value(), .timeouts = {}, .retry = {}, .netrc_file = ""};
  }
  fetch::testing::ScriptedClient client;
  ConfiguredUpstreams configured{client};
};

TEST_F(ConfiguredUpstreamsTest, WhoseOptionsAreAsTheyWereIsTheSame) {
  auto before = configured.use({options("https://a"), options("https://b"), options("https://a")});
  ASSERT_EQ(before.size(), 3u);
  EXPECT_NE(before[0], before[2]);
  auto after = configured.use({options("https://c"), options("https://b"), options("https://a")});
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(after[1], before[1]);
  EXPECT_EQ(after[2], before[0]);
  EXPECT_EQ(after[0]->name(), "https://c");
}

TEST_F(ConfiguredUpstreamsTest, WhoseOptionsAreOthersIsNew) {
  auto before = configured.use({options("https://me:old@a?priority=1")});
  auto slower = options("https://me:old@a?priority=1");
  slower.timeouts.head = std::chrono::hours(1);
  for (auto& other : {options("https://me:new@a?priority=1"), options("https://me:old@a"), slower})
    EXPECT_NE(configured.use({other}).at(0), before.at(0));
  EXPECT_TRUE(configured.use({}).empty());
  EXPECT_NE(configured.use({options("https://me:old@a?priority=1")}).at(0), before.at(0));
}

}  // namespace
}  // namespace ncps::upstream
