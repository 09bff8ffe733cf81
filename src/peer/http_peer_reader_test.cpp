#include "peer/http_peer_reader.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "fetch/testing/scripted_client.h"
#include "rt/testing/run_sync.h"

namespace ncps::peer {
namespace {

using fetch::testing::answer;

struct HttpPeerReader : ::testing::Test {
  using Opened = std::optional<upstream::FileBody>;

  Result<Opened> open(std::string peer, std::uint64_t first = 0) {
    return ncps::testing::run_sync(io,
                                   reader->open({.url = std::move(peer), .fence = 7}, url, first,
                                                Deadline::after(std::chrono::seconds(20))));
  }
  static std::string failure_of(const Result<Opened>& result) {
    return result ? std::string() : result.error().what();
  }

  boost::asio::io_context io{1};
  fetch::testing::ScriptedClient client;
  Live<PeerSecret> secret{PeerSecret("s3cret")};
  nix::NarUrl url = nix::NarUrl::parse("nar/0a.nar.xz").value();
  std::unique_ptr<PeerReader> reader = make_http_peer_reader(client, secret);
};

TEST_F(HttpPeerReader, AsksWithATokenAndGoesNowhereElse) {
  client.then(200, "bytes");
  auto body = open("http://other:8501").value().value();
  EXPECT_EQ(body.first_byte, 0u);
  EXPECT_EQ(body.total, 5u);
  const auto& asked = client.asked.at(0);
  EXPECT_EQ(asked.url, "http://other:8501/peer/nar/0a.nar.xz");
  EXPECT_EQ(asked.redirects, fetch::Redirects::none);
  EXPECT_EQ(asked.proxies, fetch::Proxies::none);
  EXPECT_TRUE(asked.netrc_file.empty());
  ASSERT_EQ(asked.headers.size(), 1u);
  EXPECT_EQ(asked.headers[0].first, "Authorization");
  EXPECT_EQ(PeerSecret("s3cret").accept(asked.headers[0].second, "0a.nar.xz"), 7u);
}

TEST_F(HttpPeerReader, GoesOnInTheMiddle) {
  auto part = answer(206, "es");
  part.content_range = {.first = 3, .total = 5};
  client.then(std::move(part));
  client.then(200, "bytes");  // without ranges
  auto body = open("http://other:8501", 3).value().value();
  EXPECT_EQ(body.first_byte, 3u);
  EXPECT_EQ(body.total, 5u);
  EXPECT_EQ(client.asked.at(0).first_byte, 3u);
  EXPECT_EQ(open("http://other:8501", 3).value()->first_byte, 0u);
}

TEST_F(HttpPeerReader, WhatIsNotThereIsNoFailure) {
  client.then(404);
  EXPECT_FALSE(open("http://other:8501").value());
}

TEST_F(HttpPeerReader, EverythingElseIs) {
  client.then(403);
  EXPECT_NE(failure_of(open("http://other:8501")).find("--cache-peer-secret"), std::string::npos);
  for (int status : {302, 401, 500, 503, 204}) {
    client.then(status);
    EXPECT_NE(failure_of(open("http://other:8501")).find(std::to_string(status)),
              std::string::npos);
  }
  auto wrong = answer(206, "es");
  wrong.content_range = {.first = 2, .total = 5};
  client.then(std::move(wrong));
  EXPECT_FALSE(open("http://other:8501", 3));
  client.then(answer(206, "es"));
  EXPECT_FALSE(open("http://other:8501", 3));
  client.then(ErrorKind::timeout, "no head");
  EXPECT_FALSE(open("http://other:8501", 3));
}

TEST_F(HttpPeerReader, AnOddNoteIsNotEvenAskedFor) {
  for (auto note : {"", "nonsense", "http://a/b", "http://169.254.169.254/latest?x", "file:///x",
                    "http://a:1\r\nX: y"})
    EXPECT_FALSE(open(note)) << note;
  EXPECT_TRUE(client.asked.empty());
}

}  // namespace
}  // namespace ncps::peer
