#include "upstream/http_upstream.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "fetch/testing/scripted_client.h"
#include "nix/nar_info.h"
#include "rt/testing/run_sync.h"

namespace ncps::upstream {
namespace {

using namespace std::chrono_literals;
using fetch::testing::answer;
using fetch::testing::ScriptedBody;
using fetch::testing::ScriptedClient;
using ncps::testing::run_sync;

constexpr std::string_view kHash = "26xbg1ndr7hbcncrlf9nhx5is2b25d13";

struct HttpUpstreamTest : ::testing::Test {
  boost::asio::io_context io;
  ScriptedClient client;
  fetch::RetryPolicy retry{.attempts = 4, .first = 0ms, .ceiling = 0ms};
  fetch::HttpTimeouts timeouts;
  std::string base = "https://me:secret@host/p?priority=7&token=secret";

  std::unique_ptr<Upstream> make() {
    auto url = UpstreamUrl::parse(base).value();
    return make_http_upstream({.url = url, .timeouts = timeouts, .retry = retry}, client);
  }
  Result<std::optional<std::string>> narinfo(Deadline deadline = Deadline::after(1min)) {
    auto upstream = make();
    auto hash = nix::StorePathHash::parse(kHash).value();
    return run_sync(io, upstream->find_narinfo(hash, deadline));
  }
  Result<std::optional<FileBody>> nar(std::uint64_t first_byte = 0,
                                      Deadline deadline = Deadline::after(1min),
                                      fetch::Decode decode = fetch::Decode::no) {
    auto upstream = make();
    return run_sync(io, upstream->open_file("nar/x.nar.xz", first_byte, decode, deadline));
  }
  Result<std::optional<FileHead>> file_head(Deadline deadline = Deadline::after(1min)) {
    auto upstream = make();
    return run_sync(io, upstream->find_file("nar/x.nar.xz", deadline));
  }
  std::string text_of(ByteSource& source) {
    std::string text;
    for (;;) {
      auto piece = run_sync(io, source.next());
      if (!piece) return text + "<" + piece.error().what() + ">";
      if (piece_size(*piece) == 0) return text;
      text += std::get<std::string_view>(*piece);
    }
  }
  static void expect_no_secret(const Error& error) {
    EXPECT_EQ(error.what().find("secret"), std::string::npos) << error.what();
    EXPECT_NE(error.what().find("https://host/p"), std::string::npos) << error.what();
  }
};

struct HttpUpstreamAsks : HttpUpstreamTest {};
struct HttpUpstreamNars : HttpUpstreamTest {};

TEST_F(HttpUpstreamAsks, IsNamedAndRankedByItsUrl) {
  auto upstream = make();
  EXPECT_EQ(upstream->name(), "https://host/p");
  EXPECT_EQ(upstream->priority(), 7);
  base = "https://host";
  EXPECT_EQ(make()->priority(), kDefaultPriority);
}

TEST_F(HttpUpstreamAsks, ForNarinfosDecodedAndForNarsAsTheyAre) {
  client.then(200, "StorePath: x\n");
  EXPECT_EQ(narinfo().value(), "StorePath: x\n");
  EXPECT_EQ(client.asked[0].url,
            "https://me:secret@host/p/" + std::string(kHash) + ".narinfo?token=secret");
  EXPECT_EQ(client.asked[0].decode, fetch::Decode::yes);
  EXPECT_EQ(client.asked[0].verb, fetch::Verb::get);
  EXPECT_EQ(client.asked[0].first_byte, 0u);

  client.then(200, "bytes");
  ASSERT_TRUE(nar().value().has_value());
  EXPECT_EQ(client.asked[1].url, "https://me:secret@host/p/nar/x.nar.xz?token=secret");
  EXPECT_EQ(client.asked[1].decode, fetch::Decode::no);
  EXPECT_EQ(client.asked[1].verb, fetch::Verb::get);
}

TEST_F(HttpUpstreamAsks, ItHasNoneIfTheAnswerSaysSo) {
  for (int status : {403, 404, 410}) {
    client.asked.clear();
    for (int i = 0; i < 3; ++i) client.then(status, "not here");
    auto text = narinfo();
    ASSERT_TRUE(text.has_value()) << status;
    EXPECT_FALSE(text->has_value()) << status;
    auto body = nar();
    ASSERT_TRUE(body.has_value()) << status;
    EXPECT_FALSE(body->has_value()) << status;
    auto head = file_head();
    ASSERT_TRUE(head.has_value()) << status;
    EXPECT_FALSE(head->has_value()) << status;
    EXPECT_EQ(client.asked.size(), 3u) << status;
  }
}

TEST_F(HttpUpstreamAsks, ARefusalIsNeitherAbsenceNorAskedForAgain) {
  for (int status : {201, 204, 301, 304, 400, 401, 402, 405, 407, 416, 418, 451, 501, 505}) {
    client.asked.clear();
    client.then(status, "no");
    auto text = narinfo();
    ASSERT_FALSE(text.has_value()) << status;
    EXPECT_EQ(text.error().kind(), ErrorKind::upstream) << status;
    EXPECT_NE(text.error().what().find(std::to_string(status)), std::string::npos);
    expect_no_secret(text.error());
    EXPECT_EQ(client.asked.size(), 1u) << status;
  }
}

TEST_F(HttpUpstreamAsks, MissingCredentialsAreSaid) {
  for (int status : {401, 407}) {
    client.then(status);
    auto body = nar();
    ASSERT_FALSE(body.has_value());
    EXPECT_NE(body.error().what().find("credentials"), std::string::npos) << body.error().what();
  }
}

TEST_F(HttpUpstreamAsks, ANarinfoOfExactlyTheMostBytesIsOne) {
  std::string most(nix::kMaxNarInfoBytes, 'n');
  client.then(200, most);
  EXPECT_EQ(narinfo().value(), most);
}

TEST_F(HttpUpstreamAsks, ANarinfoWithoutEndIsRefusedWithoutBeingReadOn) {
  std::size_t asked = 0;
  auto endless = answer(200);
  endless.body = std::make_unique<fetch::testing::EndlessBody>(std::string(64 * 1024, 'n'), asked);
  client.then(std::move(endless));
  auto text = narinfo();
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().kind(), ErrorKind::corrupt);
  expect_no_secret(text.error());
  EXPECT_EQ(asked, nix::kMaxNarInfoBytes / (64 * 1024) + 1);
  EXPECT_EQ(client.asked.size(), 1u);
}

TEST_F(HttpUpstreamAsks, ANarinfoThatDripsEndsWithTheDeadline) {
  std::size_t asked = 0;
  auto dripping = answer(200);
  dripping.body = std::make_unique<fetch::testing::EndlessBody>("n", asked);
  client.then(std::move(dripping));
  auto text = narinfo(Deadline::after(0s));
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().kind(), ErrorKind::timeout) << text.error().what();
  EXPECT_LE(asked, 1u);
  expect_no_secret(text.error());
}

TEST_F(HttpUpstreamNars, TheBodyIsHandedOnAsItIs) {
  client.then(200, "the bytes");
  auto body = nar().value().value();
  EXPECT_EQ(body.first_byte, 0u);
  EXPECT_EQ(body.total, 9u);
  EXPECT_EQ(text_of(*body.bytes), "the bytes");

  auto unsized = answer(200);
  unsized.content_length.reset();
  std::deque<std::string> pieces{"the ", "by"};
  unsized.body = std::make_unique<ScriptedBody>(pieces, Error(ErrorKind::upstream, "broke"));
  client.then(std::move(unsized));
  body = nar().value().value();
  EXPECT_EQ(body.total, std::nullopt);
  EXPECT_EQ(text_of(*body.bytes), "the by<broke>");
  EXPECT_EQ(client.asked.size(), 2u);  // whoever reads it decides what to do
}

TEST_F(HttpUpstreamNars, ARangeThatIsHonouredBeginsThere) {
  auto part = answer(206, "67");
  part.content_range = fetch::ContentRange{.first = 6, .total = 8};
  client.then(std::move(part));
  auto body = nar(6).value().value();
  EXPECT_EQ(client.asked[0].first_byte, 6u);
  EXPECT_EQ(body.first_byte, 6u);
  EXPECT_EQ(body.total, 8u);
  EXPECT_EQ(text_of(*body.bytes), "67");
}

TEST_F(HttpUpstreamNars, OneThatEncodesAllThatItSendsIsDecodedFromItsBeginning) {
  for (int status : {200, 206}) {
    client.asked.clear();
    auto encoded = answer(status, "\x28\xb5");
    encoded.content_range = fetch::ContentRange{.first = 6, .total = {}};
    encoded.encoded = true;
    client.then(std::move(encoded));
    auto decoded = answer(200, "01234567");
    decoded.content_length.reset();
    client.then(std::move(decoded));
    auto body = nar(6, Deadline::after(1min), fetch::Decode::yes).value().value();
    ASSERT_EQ(client.asked.size(), 2u);
    EXPECT_EQ(client.asked[0].first_byte, 6u);
    EXPECT_EQ(client.asked[1].first_byte, 0u);
    EXPECT_EQ(client.asked[1].decode, fetch::Decode::yes);
    EXPECT_EQ(body.first_byte, 0u);
    EXPECT_EQ(body.total, std::nullopt);
    EXPECT_EQ(text_of(*body.bytes), "01234567");
  }
}

TEST_F(HttpUpstreamNars, AnEncodingThatNobodyWantsUndoneIsPartOfTheFile) {
  auto encoded = answer(206, "67");
  encoded.content_range = fetch::ContentRange{.first = 6, .total = 8};
  encoded.encoded = true;
  client.then(std::move(encoded));
  EXPECT_EQ(nar(6).value().value().first_byte, 6u);
  encoded = answer(404, "gone");
  encoded.encoded = true;
  client.then(std::move(encoded));
  EXPECT_FALSE(nar(6, Deadline::after(1min), fetch::Decode::yes).value().has_value());
  EXPECT_EQ(client.asked.size(), 2u);
}

TEST_F(HttpUpstreamNars, APartOfUnknownWholeHasNoTotal) {
  auto part = answer(206, "67");
  part.content_range = fetch::ContentRange{.first = 6, .total = {}};
  client.then(std::move(part));
  EXPECT_EQ(nar(6).value().value().total, std::nullopt);
}

TEST_F(HttpUpstreamNars, ARangeThatIsIgnoredBeginsAtZero) {
  client.then(200, "01234567");
  auto body = nar(6).value().value();
  EXPECT_EQ(body.first_byte, 0u);
  EXPECT_EQ(body.total, 8u);
}

TEST_F(HttpUpstreamNars, AnotherRangeThanAskedForIsAnError) {
  auto other = answer(206, "567");
  other.content_range = fetch::ContentRange{.first = 5, .total = 8};
  client.then(std::move(other));
  client.then(206, "567");  // without Content-Range
  for (int i = 0; i < 2; ++i) {
    auto body = nar(6);
    ASSERT_FALSE(body.has_value());
    EXPECT_EQ(body.error().kind(), ErrorKind::upstream);
    expect_no_secret(body.error());
  }
}

TEST_F(HttpUpstreamNars, ArePeekedAtByHead) {
  auto head = answer(200);
  head.content_length = 12345;
  client.then(std::move(head));
  EXPECT_EQ(file_head().value().value().total, 12345u);
  EXPECT_EQ(client.asked[0].verb, fetch::Verb::head);

  auto unsized = answer(200);
  unsized.content_length.reset();
  client.then(std::move(unsized));
  auto found = file_head().value();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->total, std::nullopt);
}

TEST(UpstreamList, IsAskedByPriorityAndThenAsListed) {
  ScriptedClient client;
  UpstreamList set;
  for (auto text : {"https://a", "https://b?priority=50", "https://c?priority=40",
                    "https://d?priority=0", "https://e?priority=50", "https://f?priority=0"}) {
    set.push_back(make_http_upstream({.url = UpstreamUrl::parse(text).value()}, client));
  }
  std::string order;
  for (const auto& upstream : in_order(set)) order += upstream->name().back();
  EXPECT_EQ(order, "dfacbe");
}

}  // namespace
}  // namespace ncps::upstream
