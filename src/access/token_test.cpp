#include "access/token.h"

#include <gtest/gtest.h>

#include <string>

#include "crypto/encoding.h"

namespace ncps::access {
namespace {

const std::string kHash = crypto::to_hex(crypto::sha256("s3cret"));

std::string refusal(const std::string& text) {
  auto parsed = parse_token_file(text);
  EXPECT_FALSE(parsed) << text;
  return parsed ? "" : parsed.error().what();
}

TEST(TokenFile, HoldsNamesRightsAndHashes) {
  auto tokens = parse_token_file("# who\n\n  ci\twrite,read  sha256:" + kHash +
                                 "  # builds\r\nadmin admin sha256:" + std::string(64, 'A'))
                    .value();
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[0].name, "ci");
  EXPECT_EQ(tokens[0].rights, Right::write | Right::read);
  EXPECT_EQ(tokens[0].digest, crypto::sha256("s3cret"));
  EXPECT_EQ(tokens[1].rights, Rights(Right::admin));
}

TEST(TokenFile, ALineIsReadAsItIsWritten) {
  auto token = Token::of("ci", "s3cret", Right::remove | Right::read);
  EXPECT_EQ(token_line(token), "ci read,delete sha256:" + kHash);
  auto again = parse_token_file(token_line(token)).value();
  EXPECT_EQ(again.at(0).rights, token.rights);
  EXPECT_EQ(again.at(0).digest, token.digest);
}

TEST(TokenFile, SaysWhichLineIsWrongAndRepeatsNoToken) {
  auto good = "ci read sha256:" + kHash + "\n";
  const std::pair<std::string, std::string> rows[] = {
      {good + "x read hunter2", "line 2: "},
      {good + "x read sha256:hunter2", "line 2: "},
      {good + "x read sha256:" + kHash.substr(1), "line 2: "},
      {"hunter2", "line 1: "},
      {"x hunter2 sha256:" + kHash, "line 1: its second word"},
      {"x read, sha256:" + kHash, "line 1: its second word"},
      {"x read sha256:" + kHash + " hunter2", "three words"},
      {good + good, "line 2: there is another"},
      {"", "no token"},
      {"# only\n", "no token"}};
  for (const auto& [text, said] : rows) {
    auto what = refusal(text);
    EXPECT_NE(what.find(said), what.npos) << what;
    EXPECT_EQ(what.find("hunter2"), what.npos) << what;
  }
}

TEST(TokenFile, IsBounded) {
  std::string text;
  for (std::size_t i = 0; i <= kMaxTokens; ++i)
    text += "t" + std::to_string(i) + " read sha256:" + kHash + "\n";
  EXPECT_NE(refusal(text).find("more than 1000"), std::string::npos);
}

TEST(Token, ALineMayBeForACertificate) {
  auto tokens = parse_token_file("ci write,delete cert:ci.example # of the builders\n");
  ASSERT_TRUE(tokens);
  EXPECT_EQ(tokens->front().certificate, "ci.example");
  EXPECT_EQ(tokens->front().rights, Right::write | Right::remove);
  EXPECT_EQ(token_line(tokens->front()), "ci write,delete cert:ci.example");
  for (auto text : {"ci write cert:\n", "ci write cert: ci\n", "ci write Cert:ci\n"})
    EXPECT_FALSE(parse_token_file(text)) << text;
}

}  // namespace
}  // namespace ncps::access
