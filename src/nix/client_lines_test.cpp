#include "nix/client_lines.h"

#include <gtest/gtest.h>

namespace ncps::nix {
namespace {

TEST(ClientLines, OnlyWhatNeedsNoQuotingIsAUrlOfACache) {
  for (std::string_view url :
       {"http://a", "https://a.example:8501", "http://[::1]:8501", "https://a/nix?priority=5"})
    EXPECT_TRUE(is_cache_url(url)) << url;
  for (std::string_view url : {"", "a", "ftp://a", "http://", "http://:80", "http://[]:80",
                               "http:///x", "https://user:secret@a", "http://a b", "http://a\"",
                               "http://${a}", "http://a\n", "http://a\\", "http://\xc3\xa4"})
    EXPECT_FALSE(is_cache_url(url)) << url;
}

TEST(ClientLines, HaveEveryKeyAndTheHostAsNetrcWantsIt) {
  const std::vector<std::string> keys{"a-1:x=", "a-2:y="};
  EXPECT_EQ(nixos_lines("http://a:1", keys),
            "nix.settings.substituters = [ \"http://a:1\" ];\n"
            "nix.settings.trusted-public-keys = [ \"a-1:x=\" \"a-2:y=\" ];\n");
  EXPECT_EQ(nix_conf_lines("http://a:1", keys),
            "extra-substituters = http://a:1\n"
            "extra-trusted-public-keys = a-1:x= a-2:y=\n");
  EXPECT_EQ(netrc_line("http://[::1]:8501"), "machine ::1 login anybody password TOKEN\n");
}

}  // namespace
}  // namespace ncps::nix
