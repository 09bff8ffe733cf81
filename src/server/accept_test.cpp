#include "server/accept.h"

#include <gtest/gtest.h>

namespace ncps::server {
namespace {

TEST(Accept, ABrowserGetsAPageAndEverybodyElseWhatTheyAlwaysGot) {
  const std::pair<std::string_view, bool> cases[] = {
      {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", true},
      {"text/html", true},
      {"TEXT/HTML ; charset=utf-8 ; Q=0.5", true},
      {"application/json;q=0.4, text/html;q=0.5", true},
      {"application/json, text/html", true},
      {"", false},
      {"*/*", false},
      {"text/*", false},
      {"application/json", false},
      {"application/json, text/html;q=0.9", false},
      {"text/html;q=0", false},
      {"text/html;q=0.0, */*", false},
      {"text/html;q=2", false},
      {"text/html;q=-1", false},
      {"text/html;q=nan", false},
      {"text/html;q=0.5x", false},
      {"text/htmlx", false},
      {",;,;;q=,", false},
  };
  for (auto [accept, expected] : cases) EXPECT_EQ(prefers_html(accept), expected) << accept;
}

}  // namespace
}  // namespace ncps::server
