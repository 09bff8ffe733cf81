#include "config/read_peers.h"

#include <gtest/gtest.h>

namespace ncps::config {
namespace {

struct Read {
  ServeOptions options;
  std::vector<std::string> mistakes;
};

Read read_of(const RawValues& values) {
  Read out;
  Reader reader(values);
  read_peers(reader, out.options);
  out.mistakes = std::move(reader).mistakes();
  return out;
}

Read with(const std::string& flag, const std::string& value) {
  return read_of({{flag, RawValue{.values = {value}, .origin = "a test"}}});
}

TEST(ReadPeers, WithoutThemAllIsFoundOut) {
  auto read = read_of({});
  EXPECT_TRUE(read.mistakes.empty());
  EXPECT_EQ(read.options.peer_secret, "");
  EXPECT_EQ(read.options.advertise_url, "");
  EXPECT_EQ(read.options.poll_timeout, std::chrono::seconds(30));
}

TEST(ReadPeers, AreTakenAsTheyAre) {
  EXPECT_EQ(with("--cache-peer-secret", "sixteen letters!").options.peer_secret,
            "sixteen letters!");
  EXPECT_EQ(with("--cache-advertise-url", "http://10.0.0.1:8501/").options.advertise_url,
            "http://10.0.0.1:8501");
  EXPECT_EQ(with("--cache-download-poll-timeout", "5s").options.poll_timeout,
            std::chrono::seconds(5));
}

TEST(ReadPeers, WhatCannotBeIsSaidAndASecretIsNotShown) {
  for (auto [flag, value, why] :
       {std::array{"--cache-advertise-url", "10.0.0.1:8501", "http://host:port"},
        std::array{"--cache-advertise-url", "http://a/nar", "http://host:port"},
        std::array{"--cache-download-poll-timeout", "1ms", "at least 1s"},
        std::array{"--cache-download-poll-timeout", "soon", ""},
        std::array{"--cache-peer-secret", "hunter2", "16 characters"}}) {
    auto read = with(flag, value);
    ASSERT_EQ(read.mistakes.size(), 1u) << value;
    EXPECT_NE(read.mistakes[0].find(flag), std::string::npos);
    EXPECT_NE(read.mistakes[0].find(why), std::string::npos) << read.mistakes[0];
    EXPECT_EQ(read.mistakes[0].find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace ncps::config
