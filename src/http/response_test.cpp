#include "http/response.h"

#include <gtest/gtest.h>

#include "http/response_head.h"

namespace ncps::http {
namespace {

TEST(Prepare, RendersHeadWithoutItsLastLine) {
  auto prepared =
      prepare(200, {{"Content-Type", "text/x-nix-narinfo"}, {"ETag", "\"a\""}}, "12345");
  EXPECT_EQ(prepared->status, 200u);
  EXPECT_EQ(prepared->head,
            "HTTP/1.1 200 OK\r\n"
            "Content-Type: text/x-nix-narinfo\r\n"
            "ETag: \"a\"\r\n"
            "Content-Length: 5\r\n");
  EXPECT_EQ(prepared->body, "12345");
}

TEST(Prepare, AStatusWithoutBodyHasNone) {
  for (unsigned status : {204u, 304u}) {
    auto prepared = prepare(status, {{"ETag", "\"a\""}}, "must not be sent");
    EXPECT_EQ(prepared->body, "");
    EXPECT_EQ(prepared->head.find("Content-Length"), std::string::npos) << prepared->head;
  }
}

TEST(Prepare, TheAnswerToWhomeverHasItIsWhatWouldBePreparedForThat) {
  const std::vector<Header> several[] = {
      {}, {{"ETag", "\"a\""}}, {{"ETag", "\"Content-Length: 1\""}, {"Cache-Control", "public"}}};
  for (const auto& headers : several) {
    auto made = not_modified(*prepare(200, headers, "12345")), right = prepare(304, headers, "");
    EXPECT_EQ(made->status, 304u);
    EXPECT_EQ(made->head, right->head);
    EXPECT_EQ(made->body, "");
  }
}

TEST(TextResponse, IsShortAndErrorsAreNotStored) {
  auto fine = text_response(200, "done");
  EXPECT_EQ(std::get<std::string>(fine.body), "done\n");
  EXPECT_EQ(fine.headers.size(), 1u);
  auto bad = text_response(404, "not here");
  ASSERT_EQ(bad.headers.size(), 2u);
  EXPECT_EQ(bad.headers[1].name, "Cache-Control");
  EXPECT_EQ(bad.headers[1].value, "no-store");
}

TEST(ReasonPhrase, EveryStatusHasOne) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(416), "Range Not Satisfiable");
  EXPECT_FALSE(reason_phrase(599).empty());
}

TEST(RenderHead, FramesTheBody) {
  Response response;
  response.headers.push_back({"X", "y"});
  constexpr std::string_view kDate = "Date: now\r\n";
  EXPECT_EQ(render_head(response, Framing::length, 7, kDate, ConnectionHeader::none),
            "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 7\r\nDate: now\r\n\r\n");
  EXPECT_EQ(render_head(response, Framing::chunked, 0, kDate, ConnectionHeader::close),
            "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\nDate: now\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_EQ(render_head(response, Framing::none, 0, kDate, ConnectionHeader::keep_alive),
            "HTTP/1.1 200 OK\r\nX: y\r\nDate: now\r\nConnection: keep-alive\r\n\r\n");
}

TEST(DateLine, IsRfc9110sFormat) {
  const std::pair<std::int64_t, std::string_view> rows[] = {
      {784111777, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"},
      {0, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"},
      {1709251199, "Date: Thu, 29 Feb 2024 23:59:59 GMT\r\n"},
      {4102444800, "Date: Fri, 01 Jan 2100 00:00:00 GMT\r\n"},
  };
  for (const auto& [second, text] : rows) {
    char line[DateLine::kSize];
    render_date_line(second, line);
    EXPECT_EQ(std::string_view(line, sizeof line), text);
  }
}

}  // namespace
}  // namespace ncps::http
