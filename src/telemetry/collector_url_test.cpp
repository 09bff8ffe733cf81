#include "telemetry/collector_url.h"

#include <gtest/gtest.h>

#include "telemetry/utf8.h"

namespace ncps::telemetry {
namespace {

TEST(CollectorUrl, TheSchemeSaysWhetherItIsTls) {
  struct Case {
    std::string_view text, means;
  };
  for (auto [text, means] : {
           Case{"http://localhost:4317", "http://localhost:4317"},
           Case{"http://localhost", "http://localhost:4317"},
           Case{"http://10.0.0.1:1/", "http://10.0.0.1:1"},
           Case{"https://otel.example.org:4317", "https://otel.example.org:4317"},
           Case{"https://otel.example.org", "https://otel.example.org:443"},
           Case{"otel.example.org:4317", "https://otel.example.org:4317"},
           Case{"collector", "https://collector:443"},
           Case{"http://[::1]:4317", "http://[::1]:4317"},
           Case{"http://[fe80::1%25eth0]", "http://[fe80::1%25eth0]:4317"},
       }) {
    auto url = parse_collector_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(url->str(), means);
  }
}

TEST(CollectorUrl, SaysWhatIsWrongAndNoPassword) {
  for (auto text : {"", "http://", "ftp://host:1", "http://host:0", "http://host:65536",
                    "http://host:", "http://host:x", "http://host:1/v1/traces", "http://host:1?x=1",
                    "host name:1", "http://user:hunter2@host:1", "user:hunter2@host", "::1:4317",
                    "http://[]:1", "file:/etc/passwd", "http://ho\nst:1"}) {
    auto url = parse_collector_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().what().find("hunter2"), std::string::npos);
    EXPECT_EQ(url.error().kind(), ErrorKind::invalid);
  }
}

TEST(Utf8, EachByteThatFitsNowhereIsReplaced) {
  EXPECT_EQ(to_utf8("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(to_utf8("a\xff\xfe z"), "a\xef\xbf\xbd\xef\xbf\xbd z");
  EXPECT_EQ(to_utf8("\xf0\x9f\x98"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(to_utf8(""), "");
  EXPECT_EQ(to_utf8(std::string_view("a\0b", 3)), std::string("a\0b", 3));
}

}  // namespace
}  // namespace ncps::telemetry
