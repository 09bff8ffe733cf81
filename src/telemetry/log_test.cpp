#include "telemetry/log.h"

#include <gtest/gtest.h>

namespace ncps::log {
namespace {

TEST(Log, AJsonLineEscapesWhatStrangersSend) {
  auto line = render(Format::json, Level::warn, 1.25, "a \"quoted\"\nline",
                     {{"n", 42}, {"on", true}, {"x", 0.5}, {"s", "tab\there"}});
  EXPECT_EQ(line, R"({"level":"warn","time":"1970-01-01T00:00:01.250Z","n":42,"on":true,"x":0.5,)"
                  R"("s":"tab\u0009here","message":"a \"quoted\"\u000aline"})");
}

// RFC 3629: what is well-formed stays, each byte of the rest becomes one U+FFFD.
TEST(Log, ALineIsAlwaysUtf8) {
  struct Case {
    std::string_view text, written;
  };
  const Case cases[] = {
      {"\x16\xff\xfe", "\\u0016\\ufffd\\ufffd"},
      {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
       "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
      {"\xc3", "\\ufffd"},  // its second byte is missing
      {"\xc3(", "\\ufffd("},
      {"\xc0\xaf", "\\ufffd\\ufffd"},                        // a slash, longer than it needs to be
      {"\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd"},             // the same
      {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},             // half of a surrogate pair
      {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},  // past U+10FFFF
      {"\xf0\x9f\x98", "\\ufffd\\ufffd\\ufffd"},
      {"\x80\"", "\\ufffd\\\""},
  };
  for (const auto& c : cases) {
    auto line = render(Format::json, Level::info, 0, "x", {{"s", c.text}});
    EXPECT_NE(line.find("\"s\":\"" + std::string(c.written) + "\","), std::string::npos) << line;
  }
}

TEST(Log, AConsoleLineStaysOneLine) {
  auto line = render(Format::console, Level::info, 0, "started", {{"addr", ":8501\n"}});
  EXPECT_EQ(line, "00:00:00.000 info  started  addr=\":8501\\u000a\"");
}

TEST(Log, BeforeStartNothingIsWritten) {
  EXPECT_FALSE(enabled(Level::error));
  error("nobody hears this");
}

}  // namespace
}  // namespace ncps::log
