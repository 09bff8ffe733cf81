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
