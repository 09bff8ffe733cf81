#include <gtest/gtest.h>

#include "access/token.h"
#include "config/testing/start.h"
#include "crypto/encoding.h"

namespace ncps::config {
namespace {

using namespace testing;
using access::Right;

std::string line_of(std::string_view name, std::string_view secret) {
  return access::token_line(access::Token::of(std::string(name), secret, Right::read)) + "\n";
}

TEST(Tokens, AreThoseOfTheOptionsAndThoseOfTheFiles) {
  Files files;
  auto loaded = load_with(serve_and({"--cache-get-token=a long enough token",
                                     "--cache-delete-token=another long enough one",
                                     "--cache-token-file", files.write("1", line_of("x", "secret")),
                                     "--cache-token-file", files.write("2", line_of("y", "s"))}));
  EXPECT_EQ(all_words(loaded), "");
  const auto& tokens = loaded.options.tokens;
  ASSERT_EQ(tokens.size(), 4u);
  EXPECT_EQ(tokens[0].name, "get-token");
  EXPECT_EQ(tokens[0].rights, access::Rights(Right::read));
  EXPECT_EQ(tokens[0].digest, crypto::sha256("a long enough token"));
  EXPECT_EQ(tokens[1].rights, access::Rights(Right::remove));
  EXPECT_EQ(tokens[2].name, "x");
  EXPECT_EQ(tokens[3].name, "y");
}

TEST(Tokens, AShortOneIsWarnedOf) {
  auto loaded = load_with(serve_and({"--cache-put-token=hunter2"}));
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_TRUE(loaded.warnings[0].starts_with("--cache-put-token: so short")) << loaded.warnings[0];
  EXPECT_EQ(loaded.warnings[0].find("hunter2"), std::string::npos);
}

TEST(Tokens, ThatLeaveWritingOpenAreWarnedOf) {
  struct Row {
    Arguments given;
    bool put, remove;  // which is warned of
  };
  const std::string get = "--cache-get-token=a long enough token",
                    put = "--cache-put-token=a long enough token",
                    remove = "--cache-delete-token=a long enough token",
                    admin = "--cache-admin-token=a long enough token",
                    may_put = "--cache-allow-put-verb", may_remove = "--cache-allow-delete-verb";
  const Row rows[] = {
      {{admin}, false, false},
      {{may_put, may_remove}, false, false},  // nothing was to be closed
      {{admin, may_put}, true, false},
      {{admin, may_remove}, false, true},
      {{admin, may_put, may_remove}, true, true},
      {{admin, put, may_put, may_remove}, false, false},
      {{admin, get, may_put, may_remove}, false, false},
      {{admin, remove, may_put, may_remove}, true, false},
      {{remove, may_put, may_remove}, true, false},
  };
  for (const auto& row : rows) {
    auto loaded = load_with(serve_and(row.given));
    EXPECT_EQ(lines(loaded.mistakes), "");
    auto said = lines(loaded.warnings);
    EXPECT_EQ(said.find("everybody may upload") != said.npos, row.put) << lines(row.given);
    EXPECT_EQ(said.find("everybody may delete") != said.npos, row.remove) << lines(row.given);
    EXPECT_EQ(said.find("a long enough"), said.npos);
  }
}

TEST(Tokens, OfOneNameAreRefused) {
  Files files;
  auto loaded = load_with(serve_and({"--cache-token-file", files.write("1", line_of("x", "a")),
                                     "--cache-token-file", files.write("2", line_of("x", "b"))}));
  EXPECT_NE(lines(loaded.mistakes).find("two tokens of the name 'x'"), std::string::npos);
}

TEST(Tokens, AFileThatIsNoneIsRefusedAndNotRepeated) {
  Files files;
  for (const std::string text : {"x hunter2", "hunter2", "x read hunter2", ""}) {
    auto loaded = load_with(serve_and({"--cache-token-file", files.write("bad", text)}));
    EXPECT_EQ(loaded.mistakes.size(), 1u) << text;
    EXPECT_EQ(lines(loaded.mistakes).find("hunter2"), std::string::npos);
  }
  auto missing = load_with(serve_and({"--cache-token-file=/no/such/file"}));
  EXPECT_NE(lines(missing.mistakes).find("cannot be read"), std::string::npos);
}

}  // namespace
}  // namespace ncps::config
