#include "storage/s3/s3_address.h"

#include <gtest/gtest.h>

#include <vector>

namespace ncps::s3 {
namespace {

AddressOptions options(std::string bucket, std::string endpoint, std::string region = "",
                       ForcePathStyle style = ForcePathStyle::no, std::string prefix = "") {
  return {std::move(bucket), std::move(endpoint), std::move(region), style, std::move(prefix)};
}

TEST(S3Address, SaysWhereAnObjectLies) {
  struct Row {
    AddressOptions given;
    const char *origin, *host, *region, *bucket_path, *object_path;
  };
  constexpr auto kForce = ForcePathStyle::yes;
  const Row rows[] = {
      // Amazon: the bucket in the host, the region in the name
      {options("cache", "", "eu-west-1"), "https://cache.s3.eu-west-1.amazonaws.com",
       "cache.s3.eu-west-1.amazonaws.com", "eu-west-1", "/", "/k/x"},
      {options("cache", ""), "https://cache.s3.us-east-1.amazonaws.com",
       "cache.s3.us-east-1.amazonaws.com", "us-east-1", "/", "/k/x"},
      {options("cache", "s3.amazonaws.com", "eu-west-1"),
       "https://cache.s3.eu-west-1.amazonaws.com", "cache.s3.eu-west-1.amazonaws.com", "eu-west-1",
       "/", "/k/x"},
      {options("cache", "", "cn-north-1"), "https://cache.s3.cn-north-1.amazonaws.com.cn",
       "cache.s3.cn-north-1.amazonaws.com.cn", "cn-north-1", "/", "/k/x"},
      {options("cache", "https://s3.eu-west-1.amazonaws.com"),
       "https://cache.s3.eu-west-1.amazonaws.com", "cache.s3.eu-west-1.amazonaws.com", "eu-west-1",
       "/", "/k/x"},
      {options("cache", "https://s3.dualstack.eu-west-1.amazonaws.com"),
       "https://cache.s3.dualstack.eu-west-1.amazonaws.com",
       "cache.s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1", "/", "/k/x"},
      {options("cache", "", "eu-west-1", kForce), "https://s3.eu-west-1.amazonaws.com",
       "s3.eu-west-1.amazonaws.com", "eu-west-1", "/cache", "/cache/k/x"},
      // no certificate is for a.b.s3…; without TLS there is none
      {options("a.b", "", "eu-west-1"), "https://s3.eu-west-1.amazonaws.com",
       "s3.eu-west-1.amazonaws.com", "eu-west-1", "/a.b", "/a.b/k/x"},
      {options("a.b", "http://s3.eu-west-1.amazonaws.com"), "http://a.b.s3.eu-west-1.amazonaws.com",
       "a.b.s3.eu-west-1.amazonaws.com", "eu-west-1", "/", "/k/x"},
      {options("Old_Bucket", "", "us-east-1"), "https://s3.us-east-1.amazonaws.com",
       "s3.us-east-1.amazonaws.com", "us-east-1", "/Old_Bucket", "/Old_Bucket/k/x"},
      // others
      {options("cache", "https://storage.googleapis.com"), "https://cache.storage.googleapis.com",
       "cache.storage.googleapis.com", "us-east-1", "/", "/k/x"},
      {options("cache", "minio.example.com:9000"), "https://minio.example.com:9000",
       "minio.example.com:9000", "us-east-1", "/cache", "/cache/k/x"},
      {options("cache", "HTTP://Garage:3900/", "garage"), "http://garage:3900", "garage:3900",
       "garage", "/cache", "/cache/k/x"},
      {options("cache", "evilamazonaws.com"), "https://evilamazonaws.com", "evilamazonaws.com",
       "us-east-1", "/cache", "/cache/k/x"},
      // the scheme's own port is not said, another's is
      {options("cache", "https://h:443"), "https://h", "h", "us-east-1", "/cache", "/cache/k/x"},
      {options("cache", "http://h:80"), "http://h", "h", "us-east-1", "/cache", "/cache/k/x"},
      {options("cache", "http://h:443"), "http://h:443", "h:443", "us-east-1", "/cache",
       "/cache/k/x"},
      {options("cache", "http://h:080"), "http://h", "h", "us-east-1", "/cache", "/cache/k/x"},
      // addresses
      {options("cache", "http://127.0.0.1:7480"), "http://127.0.0.1:7480", "127.0.0.1:7480",
       "us-east-1", "/cache", "/cache/k/x"},
      {options("cache", "http://[::1]:7480"), "http://[::1]:7480", "[::1]:7480", "us-east-1",
       "/cache", "/cache/k/x"},
      {options("cache", "[FE80::1]"), "https://[fe80::1]", "[fe80::1]", "us-east-1", "/cache",
       "/cache/k/x"},
      // paths and prefixes
      {options("cache", "http://h/s3/v1//"), "http://h", "h", "us-east-1", "/s3/v1/cache",
       "/s3/v1/cache/k/x"},
      {options("cache", "http://h", "", kForce, "/a/b c/"), "http://h", "h", "us-east-1", "/cache",
       "/cache/a/b c/k/x"},
      {options("cache", "", "eu-west-1", ForcePathStyle::no, "a"),
       "https://cache.s3.eu-west-1.amazonaws.com", "cache.s3.eu-west-1.amazonaws.com", "eu-west-1",
       "/", "/a/k/x"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.given.endpoint + " " + row.given.bucket);
    auto address = Address::parse(row.given);
    ASSERT_TRUE(address) << address.error().what();
    EXPECT_EQ(address->origin(), row.origin);
    EXPECT_EQ(address->host(), row.host);
    EXPECT_EQ(address->region(), row.region);
    EXPECT_EQ(address->bucket_path(), row.bucket_path);
    EXPECT_EQ(address->object_path("k/x"), row.object_path);
    EXPECT_EQ(address->tls(), std::string_view(row.origin).starts_with("https"));
  }
}

TEST(S3Address, RefusesWhatIsWrongAndSaysWhat) {
  struct Row {
    AddressOptions given;
    const char* reason;
  };
  const Row rows[] = {
      {options("", "h"), "bucket has no name"},
      {options("ab", "h"), "the bucket's name has to be 3 to 255"},
      {options("a/b", "h"), "the bucket's name has to be"},
      {options("a b", "h"), "the bucket's name has to be"},
      {options("...", "h"), "the bucket's name has to be"},
      {options("a..b", "h"), "the bucket's name has to be"},
      {options("bück", "h"), "the bucket's name has to be"},
      {options(std::string(256, 'a'), "h"), "the bucket's name has to be"},
      {options("cache", "ftp://h"), "neither http"},
      {options("cache", "://h"), "neither http"},
      {options("cache", "http://"), "no host"},
      {options("cache", "http:///x"), "no host"},
      {options("cache", ":9000"), "no host"},
      {options("cache", "http://[::1"), "no host"},
      {options("cache", "http://[]"), "no host"},
      {options("cache", "http://[h]"), "no host"},
      {options("cache", "http://::1"), "no host"},
      {options("cache", "http://a..b"), "no host"},
      {options("cache", "http://a,b"), "no host"},
      {options("cache", "http://h:"), "port"},
      {options("cache", "http://h:0"), "port"},
      {options("cache", "http://h:65536"), "port"},
      {options("cache", "http://h:9x"), "port"},
      {options("cache", "http://h:+9"), "port"},
      {options("cache", "http://[::1]9"), "port"},
      {options("cache", "http://h?x"), "query"},
      {options("cache", "http://h/#x"), "fragment"},
      {options("cache", "http://h /"), "white space"},
      {options("cache", "http://h/a%2fb"), "'%'"},
      {options("cache", "h", "eu west"), "region"},
      {options("cache", "h", "eu/west"), "region"},
      {options("cache", "h", "", ForcePathStyle::no, "a//b"), "prefix"},
      {options("cache", "h", "", ForcePathStyle::no, "a/../b"), "prefix"},
      {options("cache", "h", "", ForcePathStyle::no, "."), "prefix"},
      {options("cache", "h", "", ForcePathStyle::no, "a\nb"), "prefix"},
      {options("cache", "h", "", ForcePathStyle::no, std::string(513, 'a')), "prefix"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.given.endpoint + " " + row.given.bucket + " " + row.given.key_prefix);
    auto address = Address::parse(row.given);
    ASSERT_FALSE(address);
    EXPECT_EQ(address.error().kind(), ErrorKind::invalid);
    EXPECT_NE(address.error().what().find(row.reason), std::string::npos) << address.error().what();
  }
}

TEST(S3Address, SaysNoPasswordThatWasGivenInTheWrongPlace) {
  for (const auto* endpoint : {"https://key:hunter2@h", "key:hunter2@h", "https://key:hun/ter2@h",
                               "http://k:hunter2 @h"}) {
    auto address = Address::parse(options("cache", endpoint));
    ASSERT_FALSE(address) << endpoint;
    EXPECT_EQ(address.error().what().find("hun"), std::string::npos) << address.error().what();
    EXPECT_NE(address.error().what().find("password"), std::string::npos);
  }
}

TEST(S3Address, KnowsItsOwnKeysInAListing) {
  auto address = Address::parse(options("cache", "h", "", ForcePathStyle::no, "a/b")).value();
  EXPECT_EQ(address.full_key("store/x"), "a/b/store/x");
  EXPECT_EQ(address.own_key("a/b/store/x"), "store/x");
  EXPECT_EQ(address.own_key("a/bc/store/x"), "");
  EXPECT_EQ(address.own_key("store/x"), "");
  EXPECT_EQ(address.name(), "cache/a/b at https://h");
  auto plain = Address::parse(options("cache", "h:9000")).value();
  EXPECT_EQ(plain.full_key("store/x"), "store/x");
  EXPECT_EQ(plain.own_key("store/x"), "store/x");
  EXPECT_EQ(plain.name(), "cache at https://h:9000");
}

}  // namespace
}  // namespace ncps::s3
