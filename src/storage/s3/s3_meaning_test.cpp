#include "storage/s3/s3_meaning.h"

#include <gtest/gtest.h>

#include <string>

namespace ncps::s3 {
namespace {

ErrorDocument coded(std::string code, std::string region = "") {
  return {std::move(code), "", "", std::move(region)};
}

TEST(S3Meaning, OfWhatServersAnswer) {
  struct Row {
    int status;
    ErrorDocument error;
    Meaning meaning;
  };
  using enum Meaning;
  const Row rows[] = {
      {200, {}, good},
      {204, {}, good},
      {206, {}, good},
      {200, coded("InternalError"), try_again},  // a completion that failed
      {200, coded("SlowDown"), slow_down},
      {200, coded("InvalidPart"), refused},
      {404, coded("NoSuchKey"), absent},
      {404, coded("NoSuchBucket"), no_such_bucket},
      {404, coded("NoSuchUpload"), no_such_upload},
      {403, coded("AccessDenied"), denied},
      {403, coded("SignatureDoesNotMatch"), denied},
      {403, coded("InvalidAccessKeyId"), denied},
      {403, coded("RequestTimeTooSkewed"), denied},
      {403, {}, denied},
      {401, {}, denied},
      {400, coded("InvalidToken"), denied},
      {400, coded("ExpiredToken"), expired},
      {403, coded("ExpiredToken"), expired},
      {403, coded("QuotaExceeded"), refused},
      {503, coded("SlowDown"), slow_down},
      {429, {}, slow_down},
      {400, coded("Throttling"), slow_down},
      {500, {}, try_again},
      {500, coded("InternalError"), try_again},
      {502, {}, try_again},
      {503, {}, try_again},
      {503, coded("ServiceUnavailable"), try_again},
      {504, {}, try_again},
      {400, coded("RequestTimeout"), try_again},
      {408, {}, try_again},
      {409, coded("OperationAborted"), try_again},
      {409, coded("ConditionalRequestConflict"), try_again},
      {409, coded("BucketNotEmpty"), refused},
      {412, coded("PreconditionFailed"), exists},
      {416, coded("InvalidRange"), out_of_range},
      {301, coded("PermanentRedirect"), elsewhere},
      {307, {}, elsewhere},
      {400, coded("AuthorizationHeaderMalformed", "eu-west-1"), elsewhere},
      {400, coded("AuthorizationHeaderMalformed"), refused},
      {400, coded("InvalidRequest"), refused},
      {304, {}, refused},
      {405, {}, refused},
      {501, coded("NotImplemented"), not_implemented},  // Amazon, before it had conditional writes
      {400, coded("NotImplemented"), not_implemented},
      {501, {}, not_implemented},
      {507, {}, refused},
      {0, {}, refused},
  };
  for (const auto& row : rows)
    EXPECT_EQ(meaning_of(row.status, row.error), row.meaning)
        << row.status << " " << row.error.code << " " << row.error.region;
}

TEST(S3Meaning, OnlyTheServersOwnWordMakesAnObjectAbsent) {
  for (int status = 100; status < 600; ++status) {
    for (const auto* code : {"", "AccessDenied", "NoSuchBucket", "NoSuchUpload", "InternalError"})
      EXPECT_NE(meaning_of(status, coded(code)), Meaning::absent) << status << code;
    if (status != 404) {
      EXPECT_NE(meaning_of(status, coded("NoSuchKey")), Meaning::absent) << status;
    }
  }
}

TEST(S3Meaning, OnlyAbsenceHasAKindThatMeansAbsence) {
  for (int status = 300; status < 600; ++status) {
    auto meaning = meaning_of(status, {});
    auto kind = describe(meaning, status, {}).kind();
    EXPECT_EQ(kind, meaning == Meaning::exists ? ErrorKind::conflict : ErrorKind::unavailable)
        << status;
  }
  EXPECT_EQ(describe(Meaning::absent, 404, coded("NoSuchKey")).kind(), ErrorKind::not_found);
}

TEST(S3Meaning, TheSentenceSaysWhatToDo) {
  auto says = [](int status, ErrorDocument error) {
    return describe(meaning_of(status, error), status, error).what();
  };
  EXPECT_EQ(says(403, {"RequestTimeTooSkewed", "The difference is large.", "r7", ""}),
            "the S3 server answered 403 RequestTimeTooSkewed: this machine's clock and the "
            "server's differ: The difference is large. (request r7)");
  EXPECT_EQ(says(403, coded("SignatureDoesNotMatch")),
            "the S3 server answered 403 SignatureDoesNotMatch: the secret access key is wrong");
  EXPECT_EQ(says(404, coded("NoSuchBucket")),
            "the S3 server answered 404 NoSuchBucket: the bucket does not exist");
  EXPECT_EQ(says(301, coded("PermanentRedirect", "eu-west-1")),
            "the S3 server answered 301 PermanentRedirect: the bucket is in another region or at "
            "another endpoint (eu-west-1)");
  EXPECT_EQ(says(404, {}), "the S3 server answered 404");
  EXPECT_EQ(says(502, {}), "the S3 server answered 502: the server is in trouble");
}

TEST(S3Meaning, OnlyTroublePasses) {
  using enum Meaning;
  for (auto meaning : {slow_down, try_again}) EXPECT_TRUE(passing(meaning));
  for (auto meaning : {good, absent, no_such_upload, no_such_bucket, exists, out_of_range, denied,
                       expired, elsewhere, not_implemented, refused})
    EXPECT_FALSE(passing(meaning));
}

}  // namespace
}  // namespace ncps::s3
