#include "storage/s3/credential_chain.h"

#include <gtest/gtest.h>

#include "rt/testing/run_sync.h"
#include "storage/s3/testing/fake_outside.h"

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;

constexpr auto kJson =
    R"({"AccessKeyId":"FROM-JSON","SecretAccessKey":"s","Token":"t","Expiration":"2030-01-01T00:00:00Z"})";
constexpr auto kSts =
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
    "<AccessKeyId>FROM-STS</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
    "<SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>"
    "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
constexpr auto kFile =
    "[default]\naws_access_key_id=FROM-FILE\naws_secret_access_key=s\n"
    "[work]\naws_access_key_id=FROM-WORK\naws_secret_access_key=s\n";
constexpr auto kImds = "http://169.254.169.254/latest/";

struct Chain : ::testing::Test {
  boost::asio::io_context io{1};
  testing::FakeOutside outside;
  CredentialOptions options;

  Result<Credentials> find() {
    return ncps::testing::run_sync(io, find_credentials(options, outside, Deadline::after(10s)));
  }
  std::string found() {
    auto credentials = find();
    return credentials ? credentials->access_key : "error: " + credentials.error().what();
  }
  std::string& variable(const std::string& name) { return options.environment[name]; }

  void an_instance(const std::string& base = kImds) {
    outside.answer("PUT " + base + "api/token", 200, "imds-token");
    outside.answer("GET " + base + "meta-data/iam/security-credentials/", 200, "my role\nsecond\n");
    outside.answer("GET " + base + "meta-data/iam/security-credentials/my%20role", 200, kJson);
  }
};

TEST_F(Chain, GoesDownThePlacesInTheirOrder) {
  options.access_key = "FROM-OPTIONS";
  options.secret_key = "s";
  variable("AWS_ACCESS_KEY_ID") = "FROM-ENVIRONMENT";
  variable("AWS_SECRET_ACCESS_KEY") = "s";
  variable("AWS_SESSION_TOKEN") = "session";
  variable("AWS_WEB_IDENTITY_TOKEN_FILE") = "/token";
  variable("AWS_ROLE_ARN") = "arn:aws:iam::1:role/r";
  variable("HOME") = "/home/u";
  variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") = "/v2/x";
  outside.file("/token", "jwt\n");
  outside.file("/home/u/.aws/credentials", kFile);
  outside.answer("POST https://sts.amazonaws.com/", 200, kSts);
  outside.answer("GET http://169.254.170.2/v2/x", 200, kJson);
  an_instance();

  EXPECT_EQ(find()->from, "--cache-storage-s3-access-key-id");
  EXPECT_EQ(find()->session_token, "");  // the environment's belongs to the environment's key
  options.access_key = options.secret_key = "";
  EXPECT_EQ(find()->from, "AWS_ACCESS_KEY_ID");
  EXPECT_EQ(find()->session_token, "session");
  variable("AWS_ACCESS_KEY_ID") = variable("AWS_SECRET_ACCESS_KEY") = "";
  EXPECT_TRUE(outside.asked().empty());
  EXPECT_EQ(found(), "FROM-STS");
  variable("AWS_WEB_IDENTITY_TOKEN_FILE") = "";
  EXPECT_EQ(find()->from, "profile default of /home/u/.aws/credentials");
  variable("HOME") = "/nonexistent";
  EXPECT_EQ(find()->from, "the container's role");
  variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") = "";
  EXPECT_EQ(find()->from, "the instance's role my role");
  variable("AWS_EC2_METADATA_DISABLED") = "true";
  EXPECT_TRUE(found().starts_with("error: no credentials for S3")) << found();
}

TEST_F(Chain, AHalfNamedPlaceIsAnErrorNotTheNextPlace) {
  an_instance();
  options.access_key = "A";
  EXPECT_EQ(found(),
            "error: --cache-storage-s3-access-key-id is given without "
            "--cache-storage-s3-secret-access-key");
  options.access_key = "";
  options.secret_key = "hunter2";
  EXPECT_EQ(found(),
            "error: --cache-storage-s3-secret-access-key is given without "
            "--cache-storage-s3-access-key-id");
  options.secret_key = "";
  variable("AWS_SECRET_ACCESS_KEY") = "hunter2";
  EXPECT_EQ(found(), "error: AWS_SECRET_ACCESS_KEY is given without AWS_ACCESS_KEY_ID");
  variable("AWS_SECRET_ACCESS_KEY") = "";
  variable("AWS_WEB_IDENTITY_TOKEN_FILE") = "/token";
  EXPECT_NE(found().find("AWS_ROLE_ARN"), std::string::npos);
  variable("AWS_ROLE_ARN") = "r";
  EXPECT_NE(found().find("no token in /token"), std::string::npos);
  variable("AWS_WEB_IDENTITY_TOKEN_FILE") = "";
  variable("AWS_SHARED_CREDENTIALS_FILE") = "/absent";
  EXPECT_EQ(found(), "error: /absent has no keys of profile default");
  outside.file("/absent", kFile);
  EXPECT_EQ(found(), "FROM-FILE");
  variable("AWS_PROFILE") = "work";
  EXPECT_EQ(found(), "FROM-WORK");
  variable("AWS_PROFILE") = "typo";
  EXPECT_EQ(found(), "error: /absent has no keys of profile typo");
}

TEST_F(Chain, AsksStsWithoutASignatureAndWithTheTokenInTheBody) {
  variable("AWS_WEB_IDENTITY_TOKEN_FILE") = "/token";
  variable("AWS_ROLE_ARN") = "arn:aws:iam::1:role/r";
  variable("AWS_ROLE_SESSION_NAME") = "me";
  outside.file("/token", " j.w+t \n");
  const std::pair<const char*, const char*> regions[] = {
      {"", "https://sts.amazonaws.com/"},
      {"eu-west-1", "https://sts.eu-west-1.amazonaws.com/"},
      {"cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/"}};
  for (const auto& [region, url] : regions) {
    options.region = region;
    outside.answer(std::string("POST ") + url, 200, kSts);
    EXPECT_EQ(found(), "FROM-STS") << region;
  }
  variable("AWS_ENDPOINT_URL_STS") = "http://127.0.0.1:9/sts/";
  outside.answer("POST http://127.0.0.1:9/sts/", 200, kSts);
  EXPECT_EQ(found(), "FROM-STS");
  auto asked = outside.asked().back();
  EXPECT_EQ(asked.body,
            "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
            "RoleSessionName=me&Version=2011-06-15&WebIdentityToken=j.w%2Bt");
}

TEST_F(Chain, ARefusalOfStsSaysTheReasonAndNotTheToken) {
  variable("AWS_WEB_IDENTITY_TOKEN_FILE") = "/token";
  variable("AWS_ROLE_ARN") = "arn:r";
  outside.file("/token", "hunter2");
  outside.answer("POST https://sts.amazonaws.com/", 400,
                 "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>hunter2</Message>"
                 "</Error></ErrorResponse>");
  EXPECT_NE(found().find("400 InvalidIdentityToken"), std::string::npos) << found();
  EXPECT_EQ(found().find("hunter2"), std::string::npos);
  outside.file("/token", "hunter2\r\nX-Evil: 1");
  EXPECT_NE(found().find("more than a token"), std::string::npos);
}

TEST_F(Chain, AsksAnInstanceWithASessionToken) {
  an_instance();
  EXPECT_EQ(found(), "FROM-JSON");
  auto asked = outside.asked();
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_EQ(asked[0].headers, (Fields{{"x-aws-ec2-metadata-token-ttl-seconds", "300"}}));
  for (std::size_t i : {1U, 2U})
    EXPECT_EQ(asked[i].headers, (Fields{{"x-aws-ec2-metadata-token", "imds-token"}}));
}

TEST_F(Chain, AnInstanceMayBeElsewhereAndMayHaveNoRole) {
  variable("AWS_EC2_METADATA_SERVICE_ENDPOINT") = "http://127.0.0.1:9/";
  an_instance("http://127.0.0.1:9/latest/");
  EXPECT_EQ(found(), "FROM-JSON");
  outside.answer("GET http://127.0.0.1:9/latest/meta-data/iam/security-credentials/", 404, "");
  EXPECT_NE(found().find("has answered 404"), std::string::npos);
  outside.answer("GET http://127.0.0.1:9/latest/meta-data/iam/security-credentials/", 200, "\n");
  EXPECT_NE(found().find("the instance has no role"), std::string::npos);
}

TEST_F(Chain, WhereThereIsNothingAllPlacesAreNamed) {
  auto nothing = find();
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind(), ErrorKind::timeout);
  EXPECT_NE(nothing.error().what().find("AWS_ACCESS_KEY_ID"), std::string::npos);
}

TEST_F(Chain, TellsAContainersTokenToNobodyElse) {
  auto& url = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") = "hunter2";
  for (const auto* bad :
       {"http://evil/x", "http://169.254.170.2.evil/x", "http://127.0.0.1@evil/x",
        "http://127.0.0.1:80@evil/x", "http://evil\\@127.0.0.1/", "ftp://127.0.0.1/", "127.0.0.1",
        "http://127.0.0.1#@evil", "http://[::1].evil/", "http://[::2]/"}) {
    url = bad;
    bool told = bad == std::string_view("http://127.0.0.1#@evil");  // that is 127.0.0.1
    outside.answer(std::string("GET ") + bad, 200, kJson);
    EXPECT_EQ(found() == "FROM-JSON", told) << bad;
    EXPECT_EQ(found().find("hunter2"), std::string::npos);
  }
  for (const auto* good :
       {"https://anybody/x", "http://127.0.0.1:80/x", "http://localhost/x", "http://[::1]:80/x",
        "http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1/credentials"}) {
    url = good;
    outside.answer(std::string("GET ") + good, 200, kJson);
    EXPECT_EQ(found(), "FROM-JSON") << good;
    EXPECT_EQ(outside.asked().back().headers.back(),
              (std::pair<std::string, std::string>{"authorization", "hunter2"}));
  }
  variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") = "/fresh";
  outside.file("/fresh", "fresh\n");
  EXPECT_EQ(found(), "FROM-JSON");
  EXPECT_EQ(outside.asked().back().headers.back().second, "fresh");
}

}  // namespace
}  // namespace ncps::s3
