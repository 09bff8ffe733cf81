#include "config/read_server.h"

#include <gtest/gtest.h>

#include "config/option_table.h"
#include "config/testing/start.h"
#include "fetch/http_client.h"

namespace ncps::config {
namespace {

using namespace std::chrono_literals;
using testing::load_with;
using testing::serve_and;

ServeOptions options_of(const testing::Arguments& more) {
  auto loaded = load_with(serve_and(more));
  EXPECT_EQ(testing::lines(loaded.mistakes), "");
  return loaded.options;
}

// What the documents say is what is in force.
TEST(ReadServer, WithoutThemTheDefaultsAreThoseOfTheServerItself) {
  auto options = options_of({});
  http::ServerLimits usual;
  EXPECT_EQ(options.server.max_connections, usual.max_connections);
  EXPECT_EQ(options.server.max_per_client, usual.max_per_client);
  EXPECT_EQ(options.server.max_head_bytes, usual.max_head_bytes);
  EXPECT_EQ(options.server.max_target_bytes, usual.max_target_bytes);
  EXPECT_EQ(options.server.max_streams, usual.max_streams);
  EXPECT_EQ(options.server.head_timeout, usual.head_timeout);
  EXPECT_EQ(options.server.body_timeout, usual.body_timeout);
  EXPECT_EQ(options.server.idle_timeout, usual.idle_timeout);
  EXPECT_EQ(options.server.write_timeout, usual.write_timeout);
  EXPECT_TRUE(options.proxies.send_header.empty());
  EXPECT_TRUE(options.proxies.trusted.empty());
  EXPECT_EQ(options.proxies.named_by, http::HopHeader::x_forwarded_for);
  EXPECT_EQ(options.proxies.header_timeout, http::Proxies().header_timeout);
  EXPECT_EQ(options.stall_timeout, fetch::HttpTimeouts().stall);
  EXPECT_EQ(options.max_queued_uploads, 1'000u);
  EXPECT_EQ(options.max_narinfo_searches, 4'096u);
  EXPECT_EQ(options.max_downloads, 64u);
  EXPECT_EQ(options.max_queued_downloads, 10'000u);
  EXPECT_EQ(options.max_uploads, 64u);
  EXPECT_EQ(options.max_temp_size, 0u);
  EXPECT_EQ(options.max_narinfo_size, nix::kMaxNarInfoBytes);
}

TEST(ReadServer, AreTakenAsTheyAre) {
  auto options = options_of(
      {"--server-max-connections=100",        "--server-max-connections-per-client=0",
       "--server-max-header-size=8K",         "--server-max-target-size=64K",
       "--server-http2-max-streams=1",        "--server-proxy-header-timeout=3s",
       "--cache-max-queued-uploads=0",        "--cache-max-narinfo-searches=65536",
       "--cache-upstream-stall-timeout=1m",   "--server-header-timeout=1s",
       "--server-body-timeout=1500ms",        "--server-idle-timeout=1h",
       "--server-write-timeout=2m",           "--cache-max-downloads=1",
       "--cache-max-queued-downloads=0",      "--cache-max-uploads=2",
       "--cache-max-temp-size=10G",           "--cache-max-narinfo-size=4K",
       "--server-forwarded-header=Forwarded", "--server-proxy-protocol-from=10.0.0.0/8,unix",
       "--server-trusted-proxies=::1",        "--server-trusted-proxies=192.0.2.7"});
  EXPECT_EQ(options.server.max_connections, 100u);
  EXPECT_EQ(options.server.max_per_client, 0u);
  EXPECT_EQ(options.server.max_head_bytes, 8u << 10);
  EXPECT_EQ(options.server.max_target_bytes, 64u << 10);
  EXPECT_EQ(options.server.max_streams, 1u);
  EXPECT_EQ(options.proxies.header_timeout, 3s);
  EXPECT_EQ(options.max_queued_uploads, 0u);
  EXPECT_EQ(options.max_narinfo_searches, 65'536u);
  EXPECT_EQ(options.stall_timeout, 1min);
  EXPECT_EQ(options.server.head_timeout, 1s);
  EXPECT_EQ(options.server.body_timeout, 2s);  // looked at once a second
  EXPECT_EQ(options.server.idle_timeout, 1h);
  EXPECT_EQ(options.server.write_timeout, 2min);
  EXPECT_EQ(options.max_downloads, 1u);
  EXPECT_EQ(options.max_queued_downloads, 0u);
  EXPECT_EQ(options.max_uploads, 2u);
  EXPECT_EQ(options.max_temp_size, 10ull << 30);
  EXPECT_EQ(options.max_narinfo_size, 4u << 10);
  EXPECT_EQ(options.proxies.named_by, http::HopHeader::forwarded);
  const auto& from = options.proxies.send_header;
  EXPECT_TRUE(http::contains(from, http::IpAddress::parse("10.1.2.3")));
  EXPECT_TRUE(http::contains(from, std::nullopt));
  EXPECT_EQ(options.proxies.trusted.size(), 2u);
}

TEST(ReadServer, WhatCannotBeIsSaid) {
  for (std::string wrong : {"--server-max-connections=0",
                            "--server-max-connections=-1",
                            "--server-max-connections-per-client=many",
                            "--server-max-header-size=4095",
                            "--server-max-header-size=2M",
                            "--server-header-timeout=0",
                            "--server-header-timeout=999ms",
                            "--server-idle-timeout=25h",
                            "--server-write-timeout=5",
                            "--server-body-timeout=soon",
                            "--cache-max-temp-size=all",
                            "--cache-max-downloads=0",
                            "--cache-max-downloads=4097",
                            "--server-max-target-size=1023",
                            "--server-max-target-size=65K",
                            "--server-http2-max-streams=0",
                            "--server-http2-max-streams=4097",
                            "--server-proxy-header-timeout=0",
                            "--server-proxy-header-timeout=25h",
                            "--cache-max-queued-uploads=-1",
                            "--cache-max-narinfo-searches=0",
                            "--cache-max-narinfo-searches=65537",
                            "--cache-upstream-stall-timeout=0",
                            "--cache-max-uploads=0",
                            "--cache-max-narinfo-size=1K",
                            "--cache-max-narinfo-size=2M",
                            "--server-forwarded-header=X-Real-IP",
                            "--server-proxy-protocol-from=10.0.0.1/8",
                            "--server-trusted-proxies=example.org"}) {
    auto loaded = load_with(serve_and({wrong}));
    ASSERT_EQ(loaded.mistakes.size(), 1u) << wrong;
    EXPECT_NE(loaded.mistakes[0].find(wrong.substr(0, wrong.find('='))), std::string::npos)
        << loaded.mistakes[0];
  }
}

}  // namespace
}  // namespace ncps::config
