#include "storage/s3/s3_xml.h"

#include <gtest/gtest.h>

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;

TEST(S3Errors, AreRead) {
  auto error = parse_error(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n<Code>NoSuchKey</Code>"
      "<Message>It does not &lt;exist&gt; &#33;</Message><Resource>/b/k</Resource>"
      "<RequestId>4442587FB7D0A2F9</RequestId><HostId>x</HostId></Error>");
  EXPECT_EQ(error.code, "NoSuchKey");
  EXPECT_EQ(error.message, "It does not <exist> !");
  EXPECT_EQ(error.request_id, "4442587FB7D0A2F9");
  EXPECT_EQ(error.region, "");
  EXPECT_EQ(parse_error("<Error><Code>AuthorizationHeaderMalformed</Code>"
                        "<Region>eu-west-1</Region></Error>")
                .region,
            "eu-west-1");
}

TEST(S3Errors, OfStsAreRead) {
  auto error = parse_error(
      "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
      "<Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>no</Message></Error>"
      "<RequestId>r1</RequestId></ErrorResponse>");
  EXPECT_EQ(error.code, "InvalidIdentityToken");
  EXPECT_EQ(error.message, "no");
  EXPECT_EQ(error.request_id, "r1");
}

TEST(S3Errors, WhatIsNoErrorDocumentSaysNothing) {
  for (const auto* body :
       {"", " ", "\n", "not found", "<html><body><h1>404 Not Found</h1></body></html>",
        "<!DOCTYPE html><html><Error><Code>NoSuchKey</Code></Error></html>", "{\"code\":1}",
        "<Error><Code>NoSuchKey</Code>", "<Error", "<Error/>", "<Errors><Code>x</Code></Errors>",
        "NoSuchKey<Error>"})
    EXPECT_EQ(parse_error(body).code, "") << body;
}

TEST(S3Errors, CannotForgeLinesOfALog) {
  auto error = parse_error("<Error><Code>A&#10;B</Code><Message>x\ny\x1b[0m&#13;" +
                           std::string(1000, 'm') + "</Message></Error>");
  EXPECT_EQ(error.code, "A B");
  EXPECT_EQ(error.message.size(), 300U);
  EXPECT_TRUE(error.message.starts_with("x y [0m mmm")) << error.message;
}

TEST(S3Xml, EntityBombsAreHarmless) {
  std::string bomb = "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY a \"lol\">";
  for (char c = 'b'; c <= 'j'; ++c) {
    std::string inner;
    for (int i = 0; i < 10; ++i) inner.append({'&', static_cast<char>(c - 1), ';'});
    bomb += std::string("<!ENTITY ") + c + " \"" + inner + "\">";
  }
  bomb += "]><Error><Code>&j;</Code><Message>&xxe;</Message></Error>";
  EXPECT_EQ(parse_error(bomb).code, "&j;");
  EXPECT_EQ(parse_error("<!DOCTYPE x [<!ENTITY xxe SYSTEM \"file:///etc/passwd\">]>"
                        "<Error><Code>&xxe;</Code></Error>")
                .code,
            "&xxe;");
}

TEST(S3Xml, DeepAndLongDocumentsAreHarmless) {
  std::string deep;
  for (int i = 0; i < 1'000'000; ++i) deep += "<a>";
  EXPECT_EQ(parse_error(deep).code, "");
  std::string closed = "<Error><Code>X</Code>" + deep;
  for (int i = 0; i < 1'000'000; ++i) closed += "</a>";
  EXPECT_EQ(parse_error(closed + "</Error>").code, "X");
  auto padding = [](std::size_t size) {
    return "<Error><Code>X</Code>" + std::string(size, ' ') + "</Error>";
  };
  auto frame = padding(0).size();
  EXPECT_EQ(parse_error(padding(kMaxXmlBytes - frame)).code, "X");
  EXPECT_EQ(parse_error(padding(kMaxXmlBytes - frame + 1)).code, "");
}

TEST(S3Objects, APageIsRead) {
  auto page = parse_object_page(
      "<?xml version=\"1.0\"?><ListBucketResult "
      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix/>"
      "<KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>1ueGcx/x+=</NextContinuationToken>"
      "<Contents><Key>store/nar/a&amp;b</Key><LastModified>2011-02-26T01:56:20.000Z</LastModified>"
      "<ETag>\"e\"</ETag><Size>0</Size><StorageClass>STANDARD</StorageClass></Contents>"
      "<Contents><Key>ü</Key><Size>5497558138880</Size></Contents></ListBucketResult>");
  ASSERT_TRUE(page) << page.error().what();
  ASSERT_EQ(page->objects.size(), 2U);
  EXPECT_EQ(page->objects[0].key, "store/nar/a&b");
  EXPECT_EQ(page->objects[0].size, 0U);
  EXPECT_EQ(page->objects[1].key, "ü");
  EXPECT_EQ(page->objects[1].size, 5497558138880U);
  EXPECT_EQ(page->next, "1ueGcx/x+=");
}

TEST(S3Objects, AnEmptyListIsTheLastPage) {
  auto page =
      parse_object_page("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->objects.empty());
  EXPECT_EQ(page->next, "");
}

TEST(S3Objects, APageThatMayBeAPartIsNeverTakenForTheWhole) {
  for (const auto* body :
       {"", "<html/>", "<Error><Code>NoSuchBucket</Code></Error>",
        "<ListBucketResult></ListBucketResult>",
        "<ListBucketResult><IsTruncated>maybe</IsTruncated></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents>"
        "</ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key></Contents>"
        "</ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>-1</Size>"
        "</Contents></ListBucketResult>"}) {
    auto page = parse_object_page(body);
    ASSERT_FALSE(page) << body;
    EXPECT_EQ(page.error().kind(), ErrorKind::unavailable);
  }
}

TEST(S3Uploads, APageIsRead) {
  auto page = parse_upload_page(
      "<ListMultipartUploadsResult><Bucket>b</Bucket><NextKeyMarker>k2</NextKeyMarker>"
      "<NextUploadIdMarker>u2</NextUploadIdMarker><IsTruncated>true</IsTruncated>"
      "<Upload><Key>k1</Key><UploadId>u1</UploadId>"
      "<Initiated>2026-11-22T00:00:01.000Z</Initiated></Upload></ListMultipartUploadsResult>");
  ASSERT_TRUE(page) << page.error().what();
  ASSERT_EQ(page->uploads.size(), 1U);
  EXPECT_EQ(page->uploads[0].key, "k1");
  EXPECT_EQ(page->uploads[0].upload_id, "u1");
  EXPECT_EQ(page->uploads[0].begun, std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + 1s);
  EXPECT_EQ(page->next_key, "k2");
  EXPECT_EQ(page->next_upload_id, "u2");
}

TEST(S3Uploads, APageThatIsNoneIsAnError) {
  for (const auto* body :
       {"", "<ListMultipartUploadsResult/>",
        "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated></ListMultipartUploadsResult>",
        "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>k</Key>"
        "<UploadId>u</UploadId></Upload></ListMultipartUploadsResult>",
        "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>k</Key>"
        "<Initiated>2026-11-22T00:00:01Z</Initiated></Upload></ListMultipartUploadsResult>"})
    EXPECT_FALSE(parse_upload_page(body)) << body;
}

TEST(S3Uploads, TheIdOfABegunOneIsRead) {
  EXPECT_EQ(parse_upload_id("<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>"
                            "<UploadId>VXB-/+=</UploadId></InitiateMultipartUploadResult>")
                .value(),
            "VXB-/+=");
  for (const auto* body : {"", "<InitiateMultipartUploadResult/>", "<UploadId>x</UploadId>",
                           "<Error><Code>AccessDenied</Code></Error>"})
    EXPECT_FALSE(parse_upload_id(body)) << body;
}

TEST(S3Uploads, ACompletionMayBeAnErrorBehindA200) {
  auto good = parse_completion(
      "<?xml version=\"1.0\"?>\n  <CompleteMultipartUploadResult><Location>l</Location>"
      "<ETag>&quot;3858-2&quot;</ETag></CompleteMultipartUploadResult>");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->etag, "\"3858-2\"");
  EXPECT_FALSE(good->error);
  // Amazon sends white space first, to keep the connection alive
  auto bad = parse_completion(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n  "
      "\n<Error><Code>InternalError</Code></Error>");
  ASSERT_TRUE(bad);
  ASSERT_TRUE(bad->error);
  EXPECT_EQ(bad->error->code, "InternalError");
  for (const auto* body : {"", "   ", "<Error/>", "<html/>", "<CompleteMultipartUploadResult>"})
    EXPECT_FALSE(parse_completion(body)) << body;
}

TEST(S3Uploads, TheListOfPartsIsPrintedWithWhatServersGiveAsETag) {
  const Part parts[] = {{1, "\"a54357\""}, {10000, "W/<&>"}};
  EXPECT_EQ(print_completion(parts),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<Part><PartNumber>1</PartNumber><ETag>&quot;a54357&quot;</ETag></Part>"
            "<Part><PartNumber>10000</PartNumber><ETag>W/&lt;&amp;&gt;</ETag></Part>"
            "</CompleteMultipartUpload>");
}

}  // namespace
}  // namespace ncps::s3
