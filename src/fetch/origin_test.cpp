#include "fetch/origin.h"

#include <gtest/gtest.h>

namespace ncps::fetch {
namespace {

TEST(OriginOf, IsSchemeHostAndPortWithoutSecrets) {
  for (auto [url, origin] : {
           std::pair{"https://Cache.Example.ORG/nar/A", "https://cache.example.org"},
           std::pair{"HTTP://h:8080?x=1", "http://h:8080"},
           std::pair{"http://user:p@ss@h/p@th", "http://h"},
           std::pair{"http://[::1]:80/", "http://[::1]:80"},
           std::pair{"h/path", "h"},
       })
    EXPECT_EQ(origin_of(url), origin) << url;
}

}  // namespace
}  // namespace ncps::fetch
