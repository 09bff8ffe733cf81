#include "telemetry/log.h"

#include <gtest/gtest.h>

#include "telemetry/log_copy.h"
#include "telemetry/span.h"

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

TEST(Log, ALineSaysWhichSpanItIsWrittenIn) {
  trace::Slot slot{
      *trace::parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")};
  Field field("n", 1);
  auto line = [&] { return render_here(Format::json, Level::info, 0, "x", {&field, 1}); };
  EXPECT_EQ(line(), R"({"level":"info","time":"1970-01-01T00:00:00.000Z","n":1,"message":"x"})");
  trace::Enter enter(&slot);
  EXPECT_EQ(line(), R"({"level":"info","time":"1970-01-01T00:00:00.000Z","n":1,)"
                    R"("trace_id":"0af7651916cd43dd8448eb211c80319c",)"
                    R"("span_id":"b7ad6b7169203331","message":"x"})");
}

TEST(Log, ALineIsCopiedWithItsSpanAndItsTextsCut) {
  auto queue = std::make_shared<CopyQueue>(2, 2);
  const std::string long_text(1'000'000, 'x');
  const Field fields[] = {{"n", 1}, {"x", 0.5}, {"on", true}, {"s", long_text}};
  copy(Level::warn, "nobody wants it", fields);
  copy_to(queue);
  trace::Slot slot{
      *trace::parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")};
  {
    trace::Enter enter(&slot);
    copy(Level::warn, "within", fields);
  }
  copy(Level::info, long_text, {});
  copy(Level::info, "no room", {});
  copy_to(nullptr);
  copy(Level::info, "nobody wants it", {});
  EXPECT_EQ(queue->dropped(), 1u);
  auto lines = queue->take(CopyQueue::Clock::now());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].message, "within");
  EXPECT_EQ(lines[0].level, Level::warn);
  EXPECT_EQ(lines[0].context.span_id, slot.context.span_id);
  ASSERT_EQ(lines[0].attributes.size(), 4u);
  EXPECT_EQ(std::get<double>(lines[0].attributes[1].value), 0.5);
  EXPECT_TRUE(std::get<bool>(lines[0].attributes[2].value));
  EXPECT_EQ(std::get<std::string>(lines[0].attributes[3].value).size(), 4096u);
  EXPECT_EQ(lines[1].message.size(), 4096u);
  EXPECT_FALSE(lines[1].context.valid());
}

TEST(Log, BeforeStartNothingIsWritten) {
  EXPECT_FALSE(enabled(Level::error));
  error("nobody hears this");
}

}  // namespace
}  // namespace ncps::log
