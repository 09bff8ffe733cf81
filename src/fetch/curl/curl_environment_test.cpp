#include "fetch/curl/curl_environment.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace ncps::fetch {
namespace {

struct CurlEnvironmentTest : ::testing::Test {
  CurlEnvironmentTest() {
    for (auto name : {"NIX_SSL_CERT_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy",
                      "all_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"})
      ::unsetenv(name);
  }
  ~CurlEnvironmentTest() override {
    for (auto name :
         {"NIX_SSL_CERT_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "all_proxy"})
      ::unsetenv(name);
  }
};

TEST_F(CurlEnvironmentTest, SaysNothingIfNothingIsSet) {
  ::setenv("NIX_SSL_CERT_FILE", "", 1);
  ::setenv("SSL_CERT_DIR", "", 1);
  ::setenv("http_proxy", "", 1);
  auto read = read_curl_environment();
  EXPECT_FALSE(read.cert_file);
  EXPECT_FALSE(read.cert_dir);
  EXPECT_TRUE(read.proxies.empty());
}

TEST_F(CurlEnvironmentTest, NixsVariableGoesBeforeOpenssls) {
  ::setenv("SSL_CERT_FILE", "/openssl", 1);
  EXPECT_EQ(read_curl_environment().cert_file, "/openssl");
  ::setenv("NIX_SSL_CERT_FILE", "/nix", 1);
  EXPECT_EQ(read_curl_environment().cert_file, "/nix");
  ::setenv("NIX_SSL_CERT_FILE", "", 1);
  EXPECT_EQ(read_curl_environment().cert_file, "/openssl");
  ::setenv("SSL_CERT_DIR", "/a:/b", 1);
  EXPECT_EQ(read_curl_environment().cert_dir, "/a:/b");
}

TEST_F(CurlEnvironmentTest, ProxiesAreTakenOutOfWhateverRepeatsThem) {
  ::setenv("http_proxy", "http://me:s3cret@host:1", 1);
  ::setenv("all_proxy", "me:other@x", 1);
  auto read = read_curl_environment();
  for (std::string text : {"Unsupported proxy syntax in 'http://me:s3cret@host:1'",
                           "http://me:s3cret@host:1 and me:other@xme:other@x", "me:other@x"}) {
    auto clean = without_proxies(text, read);
    EXPECT_EQ(clean.find("s3cret"), clean.npos) << clean;
    EXPECT_EQ(clean.find("other"), clean.npos) << clean;
    EXPECT_NE(clean.find("proxy of the environment"), clean.npos) << clean;
  }
  EXPECT_EQ(without_proxies("Connection refused", read), "Connection refused");
  EXPECT_EQ(without_proxies("", read), "");
}

}  // namespace
}  // namespace ncps::fetch
