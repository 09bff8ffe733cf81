#include "storage/s3/credential_texts.h"

#include <gtest/gtest.h>

#include <string>

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;

constexpr auto kFile = R"(# a comment
; another
aws_access_key_id = OUTSIDE

[default]
aws_access_key_id = AKDEFAULT
aws_secret_access_key=se/c+r=et

[ work ]
  aws_access_key_id = NESTED
AWS_Access_Key_Id   =  AKWORK   # my key
aws_secret_access_key = with#hash;and= signs
aws_session_token = tok
region = eu-west-1
s3 =
  aws_secret_access_key = nested

[profile config-style]
aws_access_key_id = AKCONFIG
aws_secret_access_key = s

[half]
aws_access_key_id = AKHALF
[other-half]
aws_secret_access_key = hunter2
[command]
credential_process = /bin/echo hunter2
[empty]
region = x
[broken
aws_access_key_id = AKBROKEN
)";

TEST(SharedFile, GivesTheKeysOfAProfile) {
  auto found = parse_shared_file(kFile, "default").value().value();
  EXPECT_EQ(found.access_key, "AKDEFAULT");
  EXPECT_EQ(found.secret_key, "se/c+r=et");
  EXPECT_EQ(found.session_token, "");
  EXPECT_FALSE(found.expires);
  auto work = parse_shared_file(kFile, "work").value().value();
  EXPECT_EQ(work.access_key, "AKWORK");
  EXPECT_EQ(work.secret_key, "with#hash;and= signs");
  EXPECT_EQ(work.session_token, "tok");
  EXPECT_EQ(parse_shared_file(kFile, "config-style").value().value().access_key, "AKCONFIG");
}

TEST(SharedFile, MayHaveWindowsLinesAndAByteOrderMark) {
  auto found = parse_shared_file(
      "\xef\xbb\xbf[default]\r\naws_access_key_id = A\r\naws_secret_access_key = S\r\n", "default");
  EXPECT_EQ(found.value().value().access_key, "A");
  EXPECT_EQ(found.value().value().secret_key, "S");
}

TEST(SharedFile, MayHaveAProfileInTwoPieces) {
  auto found = parse_shared_file(
      "[a]\naws_access_key_id=A\n[b]\naws_access_key_id=B\n[a]\naws_secret_access_key=S", "a");
  EXPECT_EQ(found.value().value().secret_key, "S");
}

TEST(SharedFile, SaysWhatIsMissing) {
  EXPECT_FALSE(parse_shared_file(kFile, "nobody").value());
  EXPECT_FALSE(parse_shared_file(kFile, "empty").value());
  EXPECT_FALSE(parse_shared_file(kFile, "broken").value());
  EXPECT_FALSE(parse_shared_file("", "default").value());
}

TEST(SharedFile, RefusesWhatItCannotUseWithoutSayingASecret) {
  for (const auto* profile : {"half", "other-half", "command"}) {
    auto found = parse_shared_file(kFile, profile);
    ASSERT_FALSE(found) << profile;
    EXPECT_EQ(found.error().kind(), ErrorKind::invalid);
    EXPECT_EQ(found.error().what().find("hunter2"), std::string::npos);
    EXPECT_NE(found.error().what().find(profile), std::string::npos);
  }
}

TEST(WebIdentity, AnswerIsRead) {
  auto found = parse_web_identity(
      "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
      "<AssumeRoleWithWebIdentityResult><SubjectFromWebIdentityToken>x"
      "</SubjectFromWebIdentityToken><Credentials><SessionToken>to/k+en==\n</SessionToken>"
      "<SecretAccessKey>secret</SecretAccessKey><Expiration>2026-11-22T13:00:00Z</Expiration>"
      "<AccessKeyId>ASIA1</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>"
      "</AssumeRoleWithWebIdentityResponse>");
  ASSERT_TRUE(found) << found.error().what();
  EXPECT_EQ(found->access_key, "ASIA1");
  EXPECT_EQ(found->secret_key, "secret");
  EXPECT_EQ(found->session_token, "to/k+en==");
  EXPECT_EQ(found->expires, std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + 13h);
}

TEST(WebIdentity, AnythingElseIsAnError) {
  for (const auto* body :
       {"", "<html/>", "<ErrorResponse/>", "<AssumeRoleWithWebIdentityResponse/>",
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
        "<SecretAccessKey>hunter2</SecretAccessKey><AccessKeyId>A</AccessKeyId></Credentials>"
        "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"}) {
    auto found = parse_web_identity(body);
    ASSERT_FALSE(found) << body;
    EXPECT_EQ(found.error().kind(), ErrorKind::unavailable);
    EXPECT_EQ(found.error().what().find("hunter2"), std::string::npos);
  }
}

TEST(Metadata, AnswersOfInstancesAndContainersAreRead) {
  for (const auto* extra : {"", R"("Code":"Success","LastUpdated":"2026-11-22T12:00:00Z",)"}) {
    auto found = parse_metadata(std::string("{") + extra +
                                R"("AccessKeyId":"ASIA","SecretAccessKey":"s\/x","Token":"t",
                                "Type":"AWS-HMAC","Expiration":"2026-11-22T13:00:00Z"})");
    ASSERT_TRUE(found) << found.error().what();
    EXPECT_EQ(found->access_key, "ASIA");
    EXPECT_EQ(found->secret_key, "s/x");
    EXPECT_EQ(found->session_token, "t");
    EXPECT_EQ(found->expires, std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + 13h);
  }
}

TEST(Metadata, AnythingElseIsAnError) {
  const std::string bodies[] = {
      "",
      "null",
      "[]",
      "{",
      "{}",
      "<html/>",
      std::string(200'000, '['),
      R"({"AccessKeyId":1,"SecretAccessKey":"hunter2","Expiration":"2026-11-22T13:00:00Z"})",
      R"({"AccessKeyId":"A","SecretAccessKey":"hunter2","Expiration":"soon"})",
      R"({"AccessKeyId":"A","SecretAccessKey":"hunter2"})",
      R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"hunter2"})",
      "{\"AccessKeyId\":\"\xff\"}",
      std::string((1 << 20) + 1, ' ')};
  for (const auto& body : bodies) {
    auto found = parse_metadata(body);
    ASSERT_FALSE(found) << body.substr(0, 100);
    EXPECT_EQ(found.error().kind(), ErrorKind::unavailable);
    EXPECT_EQ(found.error().what().find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace ncps::s3
