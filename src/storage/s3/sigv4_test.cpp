#include "storage/s3/sigv4.h"

#include <gtest/gtest.h>

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;

// The examples of the S3 API Reference, "Authenticating Requests": one bucket, one key, one day.
const Credentials kExample{
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", {}, ""};
constexpr auto kDay = std::chrono::sys_days(std::chrono::year(2013) / 5 / 24);
constexpr auto kRegion = "us-east-1";
constexpr auto kHost = "examplebucket.s3.amazonaws.com";

std::string field(const Fields& fields, std::string_view name) {
  for (const auto& [n, value] : fields) {
    if (n == name) return value;
  }
  return "(none)";
}

std::string authorization(const UnsignedRequest& request, std::string_view body) {
  return field(signed_headers(request, kExample, kRegion, kDay, payload_hash(body)),
               "authorization");
}

std::string expected(std::string_view names, std::string_view signature) {
  return "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
         "SignedHeaders=" +
         std::string(names) + ", Signature=" + std::string(signature);
}

TEST(SigV4, SignsTheReferencesGetOfARange) {
  UnsignedRequest request{"GET", kHost, "/test.txt", {}, {{"Range", "bytes=0-9"}}};
  EXPECT_EQ(authorization(request, ""),
            expected("host;range;x-amz-content-sha256;x-amz-date",
                     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
  auto whole = request;
  for (auto& header : signed_headers(request, kExample, kRegion, kDay, payload_hash("")))
    if (header.first != "authorization") whole.headers.push_back(header);
  auto canonical = canonical_request(whole, payload_hash(""));
  EXPECT_EQ(canonical,
            "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n"
            "x-amz-content-sha256:"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
            "x-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(string_to_sign(canonical, kRegion, kDay),
            "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
            "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
}

TEST(SigV4, SignsTheReferencesPut) {
  UnsignedRequest request{
      "PUT",
      kHost,
      "/test$file.text",
      {},
      {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}};
  EXPECT_EQ(encode_path(request.path), "/test%24file.text");
  EXPECT_EQ(authorization(request, "Welcome to Amazon S3."),
            expected("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(SigV4, SignsTheReferencesGetOfALifecycle) {
  UnsignedRequest request{"GET", kHost, "/", {{"lifecycle", ""}}, {}};
  EXPECT_EQ(authorization(request, ""),
            expected("host;x-amz-content-sha256;x-amz-date",
                     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(SigV4, SignsTheReferencesListOfObjects) {
  UnsignedRequest request{"GET", kHost, "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}};
  EXPECT_EQ(authorization(request, ""),
            expected("host;x-amz-content-sha256;x-amz-date",
                     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(SigV4, PresignsTheReferencesUrl) {
  UnsignedRequest request{"GET", kHost, "/test.txt", {}, {}};
  EXPECT_EQ(presigned_query(request, kExample, kRegion, kDay, 86400s).value(),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
            "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
            "X-Amz-SignedHeaders=host&X-Amz-Signature="
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(SigV4, PresignsForOneSecondToSevenDays) {
  UnsignedRequest request{"GET", kHost, "/x", {}, {}};
  for (auto good : {1s, 604800s})
    EXPECT_TRUE(presigned_query(request, kExample, kRegion, kDay, good)) << good.count();
  for (auto bad : {-1s, 0s, 604801s}) {
    auto refused = presigned_query(request, kExample, kRegion, kDay, bad);
    ASSERT_FALSE(refused) << bad.count();
    EXPECT_EQ(refused.error().kind(), ErrorKind::invalid);
  }
}

TEST(SigV4, EncodesEachByteOnceAndNormalisesNothing) {
  const std::pair<const char*, const char*> paths[] = {
      {"/a/../b//c/./", "/a/../b//c/./"},
      {"/a b", "/a%20b"},
      {"/a+b", "/a%2Bb"},
      {"/%41", "/%2541"},
      {"/~-._", "/~-._"},
      {"/ä", "/%C3%A4"},
      {"/?#&=:@!$'()*,;", "/%3F%23%26%3D%3A%40%21%24%27%28%29%2A%2C%3B"},
  };
  for (const auto& [path, encoded] : paths) EXPECT_EQ(encode_path(path), encoded);
  EXPECT_EQ(encode_path(std::string_view("/\0\xff", 3)), "/%00%FF");
}

TEST(SigV4, SortsTheQueryByEncodedNamesThenValues) {
  EXPECT_EQ(encode_query({}), "");
  EXPECT_EQ(encode_query({{"uploads", ""}}), "uploads=");
  EXPECT_EQ(encode_query({{"b", "2"}, {"a", "z"}, {"a", "y/ +"}, {"B", ""}, {"ä", "~"}}),
            "%C3%A4=~&B=&a=y%2F%20%2B&a=z&b=2");
}

TEST(SigV4, TrimsValuesAndJoinsHeadersOfOneName) {
  UnsignedRequest request{
      "GET", "h", "/", {}, {{"X-B", "  a  b\t c "}, {"x-a", ""}, {"x-b", "second"}}};
  EXPECT_EQ(canonical_request(request, "P"),
            "GET\n/\n\nhost:h\nx-a:\nx-b:a b c,second\n\nhost;x-a;x-b\nP");
}

TEST(SigV4, SignsAndSendsASessionToken) {
  auto credentials = kExample;
  credentials.session_token = "tok/en+=";
  UnsignedRequest request{"GET", kHost, "/x", {}, {}};
  auto headers = signed_headers(request, credentials, kRegion, kDay, kUnsignedPayload);
  EXPECT_EQ(field(headers, "x-amz-security-token"), "tok/en+=");
  EXPECT_EQ(field(headers, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_NE(field(headers, "authorization")
                .find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"),
            std::string::npos);
  auto query = presigned_query(request, credentials, kRegion, kDay, 60s).value();
  EXPECT_NE(query.find("&X-Amz-Security-Token=tok%2Fen%2B%3D&"), std::string::npos);
}

TEST(SigV4, NothingThatIsSentHoldsTheSecretKey) {
  UnsignedRequest request{"GET", kHost, "/x", {}, {}};
  for (const auto& [name, value] :
       signed_headers(request, kExample, kRegion, kDay, kUnsignedPayload))
    EXPECT_EQ(value.find(kExample.secret_key), std::string::npos) << name;
  auto query = presigned_query(request, kExample, kRegion, kDay, 60s).value();
  EXPECT_EQ(query.find("wJalr"), std::string::npos);
}

TEST(SigV4, TheDayOfTheScopeIsThatOfTheMoment) {
  UnsignedRequest request{"GET", kHost, "/x", {}, {}};
  auto late = std::chrono::sys_days(std::chrono::year(2024) / 2 / 29) + 23h + 59min + 58s;
  auto headers = signed_headers(request, kExample, "eu-west-1", late, kUnsignedPayload);
  EXPECT_EQ(field(headers, "x-amz-date"), "20240229T235958Z");
  EXPECT_NE(field(headers, "authorization").find("/20240229/eu-west-1/s3/aws4_request,"),
            std::string::npos);
}

}  // namespace
}  // namespace ncps::s3
