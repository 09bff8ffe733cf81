#include "telemetry/log.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "telemetry/current_span.h"
#include "telemetry/log_copy.h"
#include "telemetry/log_flood.h"

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
      // C1: to a terminal U+009B begins what U+001B [ begins.
      {"\x1b[2J\xc2\x9b\x32J\xc2\x9f\xc2\xa0", "\\u001b[2J\\u009b2J\\u009f\xc2\xa0"},
  };
  for (const auto& c : cases) {
    auto line = render(Format::json, Level::info, 0, "x", {{"s", c.text}});
    EXPECT_NE(line.find("\"s\":\"" + std::string(c.written) + "\","), std::string::npos) << line;
  }
}

TEST(Log, EachLineHasTheTimeOfItsOwnSecond) {
  for (double time : {0.0, 0.25, 59.999, 60.0, 3600.5, 0.0, 86'400.007}) {
    auto seconds = static_cast<int>(time);
    auto text = fmt::format("{:02}:{:02}:{:02}.{:03}", seconds / 3600 % 24, seconds / 60 % 60,
                            seconds % 60, static_cast<int>((time - seconds) * 1000));
    auto day = seconds < 86'400 ? "1970-01-01T" : "1970-01-02T";
    for (int again = 0; again < 2; ++again) {
      auto json = render(Format::json, Level::info, time, "x", Fields{});
      EXPECT_NE(json.find("\"time\":\"" + (day + text) + "Z\""), json.npos) << json;
      auto console = render(Format::console, Level::info, time, "x", Fields{});
      EXPECT_TRUE(console.starts_with(text + " ")) << console;
    }
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
  copy(Level::warn, {}, "nobody wants it", fields, trace::here());
  copy_to(queue);
  trace::Slot slot{
      *trace::parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")};
  {
    trace::Enter enter(&slot);
    copy(Level::warn, {}, "within", fields, trace::here());
  }
  copy(Level::info, {}, long_text, {}, trace::here());
  copy(Level::info, {}, "no room", {}, trace::here());
  copy_to(nullptr);
  copy(Level::info, {}, "nobody wants it", {}, trace::here());
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

struct LogToStdout : ::testing::Test {
  // What is written to stdout while `work` logs.
  template <class Work>
  static std::string logged(Work work) {
    ::testing::internal::CaptureStdout();
    start(Level::info, Format::json);
    work();
    stop();
    return ::testing::internal::GetCapturedStdout();
  }
  static auto count(std::string_view text, std::string_view part) {
    int found = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
  }
};

TEST_F(LogToStdout, WhatComesAgainAndAgainIsLeftOutAndTold) {
  auto before = left_out();
  auto text = logged([] {
    for (int i = 0; i < 100; ++i) warn("broke", {{"upstream", "a"}, {"bytes", i}});
    for (int i = 0; i < 100; ++i) info("handled request", {{"path", "/"}});
  });
  EXPECT_EQ(count(text, R"("message":"broke"})"), 20) << text;
  EXPECT_EQ(count(text, R"("of":"broke","lines":80,)"), 1) << text;
  EXPECT_EQ(count(text, R"("message":"handled request"})"), 100);
  EXPECT_EQ(left_out() - before, 80u);
}

// 20,000 lines into a pipe that nobody reads. Ends with 0 if that is as it should be.
[[noreturn]] void log_to_nobody() {
  int pipe[2];
  bool piped = ::pipe(pipe) == 0 && ::dup2(pipe[1], STDOUT_FILENO) == STDOUT_FILENO;
  start(Level::info, Format::json);
  std::string long_text(1'000, 'x');
  for (int i = 0; i < 20'000; ++i) info("handled request", {{"path", long_text}});
  auto lost = dropped();
  stop();
  std::_Exit(piped && lost > 10'000 && lost < 20'000 ? 0 : 1);
}

TEST(LogDeathTest, WhoeverLogsAndStopsNeverWaitsForTheReader) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(log_to_nobody(), ::testing::ExitedWithCode(0), "");
}

// A flood that nobody reads, then other lines, then a reader: what he gets. Ends with 0 if that is all other
// lines, and of the flood what is not counted as dropped.
[[noreturn]] void flood_before_the_reader_comes() {
  constexpr std::uint64_t kFlood = 20'000, kOthers = 1'000;
  int pipe[2];
  if (::pipe(pipe) != 0 || ::dup2(pipe[1], STDOUT_FILENO) != STDOUT_FILENO) std::_Exit(2);
  ::close(pipe[1]);
  start(Level::info, Format::json);
  for (std::uint64_t i = 0; i < kFlood; ++i) write_if_room(Level::info, "handled request", {});
  for (std::uint64_t i = 0; i < kOthers; ++i) info("deleted", {{"number", i}});
  std::string text;
  std::thread reader([&] {
    char some[4096];
    for (ssize_t got = 0; (got = ::read(pipe[0], some, sizeof some)) > 0;)
      text.append(some, static_cast<std::size_t>(got));
  });
  stop();
  ::close(STDOUT_FILENO);
  reader.join();
  std::uint64_t flood = 0, others = 0;
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != text.npos; at = end + 1)
    (text.substr(at, end - at).contains("deleted") ? others : flood) += 1;
  std::_Exit(others == kOthers && flood > 0 && flood + dropped() == kFlood ? 0 : 1);
}

TEST(LogDeathTest, AFloodCostsNoOtherLineAndWhatIsLostOfItIsCounted) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(flood_before_the_reader_comes(), ::testing::ExitedWithCode(0), "");
}

TEST(Log, BeforeStartNothingIsWritten) {
  EXPECT_FALSE(enabled(Level::error));
  error("nobody hears this");
}

}  // namespace
}  // namespace ncps::log
