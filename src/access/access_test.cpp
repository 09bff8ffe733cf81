#include "access/access.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ncps::access {
namespace {

using Answer = Verdict::Answer;

constexpr Right kAll[] = {Right::read, Right::write, Right::remove, Right::admin};

struct AccessTest : ::testing::Test {
  AttemptLimiter limiter;
  Access::Clock::time_point now{std::chrono::hours(100)};

  static Token token(Rights rights, std::string secret) {
    return Token::of("name of " + secret, secret, rights);
  }
  Verdict judge(const Access& access, Right right, std::string_view secret,
                std::string_view address = "10.0.0.1") {
    return access.judge(right, secret.empty() ? "" : "Bearer " + std::string(secret), {}, address,
                        now);
  }
  // One letter for each right: y(es), 4(01), 3 (403).
  std::string row(const Access& access, std::string_view secret) {
    std::string out;
    for (auto right : kAll) {
      auto answer = judge(access, right, secret, std::to_string(++address_)).answer;
      out += answer == Answer::yes ? 'y' : answer == Answer::unknown ? '4' : '3';
    }
    return out;
  }
  int address_ = 0;
};

TEST_F(AccessTest, IsWhatTheTokensSay) {
  auto r = token(Right::read, "r"), w = token(Right::write, "w"), d = token(Right::remove, "d"),
       a = token(Right::admin, "a");
  struct Row {
    std::vector<Token> tokens;
    std::string_view secret, may;  // read, write, delete, admin
  };
  const Row rows[] = {{{}, "", "yyyy"},
                      {{}, "x", "yyyy"},
                      {{r}, "", "444y"},
                      {{r}, "r", "yyyy"},
                      {{r}, "x", "444y"},
                      {{w}, "", "y44y"},
                      {{w}, "w", "yyyy"},
                      {{w}, "x", "y44y"},
                      {{d}, "", "yy4y"},
                      {{d}, "d", "yyyy"},
                      {{a}, "", "yyy4"},
                      {{a}, "a", "yyyy"},
                      {{r, w}, "", "444y"},
                      {{r, w}, "r", "y33y"},
                      {{r, w}, "w", "yyyy"},
                      {{r, w, d}, "w", "yy3y"},
                      {{r, w, d}, "d", "y3yy"},
                      {{r, w, d, a}, "r", "y333"},
                      {{r, w, d, a}, "w", "yy33"},
                      {{r, w, d, a}, "d", "y3y3"},
                      {{r, w, d, a}, "a", "yyyy"},
                      {{r, w, d, a}, "", "4444"},
                      {{r, w, d, a}, "x", "4444"},
                      {{token(Right::write | Right::remove, "wd")}, "wd", "yyyy"},
                      // One secret for several rights, each of them in a token of its own.
                      {{r, token(Right::write, "1"), token(Right::remove, "1")}, "1", "yyyy"},
                      {{token(Right::remove, "1"), w, token(Right::write, "1")}, "1", "yyyy"},
                      {{token(Right::write, "1"), token(Right::read, "1"), d}, "1", "yy3y"}};
  for (const auto& [tokens, secret, may] : rows) {
    std::string given;
    for (const auto& t : tokens) given += t.name + ", ";
    EXPECT_EQ(row(Access(tokens, limiter), secret), may) << given << "sent: " << secret;
  }
}

TEST_F(AccessTest, NamesWhoeverWritesAlsoWhereAnybodyMay) {
  Access access({token(Right::admin, "a")}, limiter);
  EXPECT_EQ(judge(access, Right::write, "a").who, "name of a");
  EXPECT_EQ(judge(access, Right::write, "x").who, "");
  EXPECT_EQ(judge(access, Right::read, "a").who, "") << "open reads look at no token";
}

TEST_F(AccessTest, NamesTheTokenThatGivesTheRightWhereASecretHasSeveral) {
  Access access({Token::of("puts", "1", Right::write), Token::of("deletes", "1", Right::remove),
                 Token::of("other", "2", Right::admin)},
                limiter);
  EXPECT_EQ(judge(access, Right::write, "1").who, "puts");
  EXPECT_EQ(judge(access, Right::remove, "1").who, "deletes");
  EXPECT_EQ(judge(access, Right::admin, "1").who, "puts") << "none of them gives it";
}

TEST_F(AccessTest, WhoGuessesTooOftenIsNotListenedToAnyMore) {
  Access access({token(Right::read, "right")}, limiter);
  for (int i = 0; i < AttemptLimiter::kAttempts; ++i)
    EXPECT_EQ(judge(access, Right::read, "guess " + std::to_string(i)).answer, Answer::unknown);
  auto refused = judge(access, Right::read, "right");
  EXPECT_EQ(refused.answer, Answer::too_many) << "not even the right one: it would be a guess";
  EXPECT_EQ(refused.wait, AttemptLimiter::kOneMore);
  EXPECT_EQ(judge(access, Right::read, "").answer, Answer::unknown) << "that is no guess";
  EXPECT_EQ(judge(access, Right::read, "right", "10.0.0.2").answer, Answer::yes);
  now += AttemptLimiter::kOneMore;
  EXPECT_EQ(judge(access, Right::read, "right").answer, Answer::yes);
}

TEST_F(AccessTest, WhoHasANetworkOfIpv6HasNoMoreGuessesForIt) {
  Access access({token(Right::read, "right")}, limiter);
  for (int i = 0; i < AttemptLimiter::kAttempts; ++i)
    judge(access, Right::read, "guess", "2001:db8:0:1::" + std::to_string(i));
  EXPECT_EQ(judge(access, Right::read, "right", "2001:db8:0:1:ffff::1").answer, Answer::too_many);
  EXPECT_EQ(judge(access, Right::read, "right", "2001:db8:0:2::1").answer, Answer::yes);
}

TEST_F(AccessTest, ATokenThatWasRightFromThereGoesOnBeingAccepted) {
  Access access({token(Right::read, "right"), token(Right::write, "other")}, limiter);
  judge(access, Right::read, "guess");
  EXPECT_EQ(judge(access, Right::read, "right").answer, Answer::yes);
  for (int i = 0; i < 100; ++i) judge(access, Right::read, "old token");
  EXPECT_EQ(judge(access, Right::read, "right").answer, Answer::yes);
  EXPECT_EQ(judge(access, Right::read, "other").answer, Answer::too_many);
}

TEST_F(AccessTest, WhoHasAllAttemptsBackIsNotWatchedAnyMoreAndProvesItselfAnew) {
  Access access({token(Right::read, "right")}, limiter);
  judge(access, Right::read, "guess");
  EXPECT_EQ(judge(access, Right::read, "right").answer, Answer::yes);
  now += AttemptLimiter::kOneMore;
  EXPECT_EQ(judge(access, Right::read, "right").answer, Answer::yes);
  for (int i = 0; i < AttemptLimiter::kAttempts; ++i) judge(access, Right::read, "guess");
  EXPECT_EQ(judge(access, Right::read, "right").answer, Answer::too_many);
}

TEST_F(AccessTest, AReloadForgivesNobody) {
  Access before({token(Right::read, "right")}, limiter);
  for (int i = 0; i < 100; ++i) judge(before, Right::read, "guess");
  Access after({token(Right::read, "new")}, limiter);
  EXPECT_EQ(judge(after, Right::read, "new").answer, Answer::too_many);
}

TEST_F(AccessTest, TheMemoryOfGuessesIsBoundedAndKeepsTheWorst) {
  Access access({token(Right::read, "right")}, limiter);
  for (int i = 0; i < 100; ++i) judge(access, Right::read, "guess", "the worst");
  for (std::size_t i = 0; i < AttemptLimiter::kAddresses + 10; ++i)
    judge(access, Right::read, "guess", std::to_string(i));
  EXPECT_EQ(judge(access, Right::read, "right", "the worst").answer, Answer::too_many);
}

// As row(), of who shows a certificate with these names, and sends that token.
TEST_F(AccessTest, ACertificateIsWorthWhatATokenForItSays) {
  auto cert = [](std::string name, Rights rights) {
    return Token{.name = "holder of " + name, .digest = {}, .rights = rights, .certificate = name};
  };
  auto r = token(Right::read, "r"), w = token(Right::write, "w");
  auto ci = cert("ci", Right::write), boss = cert("boss", Right::admin),
       reader = cert("reader", Right::read), janitor = cert("ci", Right::remove);
  struct Row {
    std::vector<Token> tokens;
    std::vector<std::string> certificate;
    std::string_view secret, may, who;  // who writes
  };
  const Row rows[] = {
      {{}, {"ci"}, "", "yyyy", "cert:ci"},
      {{ci}, {}, "", "y44y", ""},
      {{ci}, {"ci"}, "", "yyyy", "holder of ci"},
      {{ci}, {"dns", "ci"}, "", "yyyy", "holder of ci"},
      {{ci}, {"CI"}, "", "y44y", "cert:CI"},
      {{ci}, {"ci.example"}, "", "y44y", "cert:ci.example"},
      {{ci, boss}, {"boss"}, "", "yyyy", "holder of boss"},
      {{ci, boss}, {"ci"}, "", "yyy3", "holder of ci"},
      {{r, ci}, {"ci"}, "", "yyyy", "holder of ci"},
      {{r, w, reader}, {"reader"}, "", "y33y", "holder of reader"},
      {{r, w, reader}, {"reader"}, "w", "yyyy", "name of w"},  // the token decides
      {{r, w, reader}, {"reader"}, "x", "y33y", "holder of reader"},
      {{r, w, reader}, {"stranger"}, "", "444y", "cert:stranger"},
      {{r, w, reader}, {"stranger"}, "w", "yyyy", "name of w"},
      {{w, ci, janitor}, {"ci"}, "", "yyyy", "holder of ci"},  // two lines for one name
      {{ci}, {""}, "", "y44y", "cert:"},
  };
  for (const auto& row : rows) {
    Access access(row.tokens, limiter);
    std::string out, who;
    for (auto right : kAll) {
      auto verdict =
          access.judge(right, row.secret.empty() ? "" : "Bearer " + std::string(row.secret),
                       row.certificate, std::to_string(++address_), now);
      using enum Answer;
      out += verdict.answer == yes ? 'y' : verdict.answer == unknown ? '4' : '3';
      if (right == Right::write) who = verdict.who;
    }
    EXPECT_EQ(out, row.may) << (row.certificate.empty() ? "nobody" : row.certificate[0]);
    EXPECT_EQ(who, row.who);
  }
}

// Its digest is all zeros, which must open nothing.
TEST_F(AccessTest, ATokenForACertificateIsNoToken) {
  Access access({{.name = "ci", .digest = {}, .rights = Right::read, .certificate = "ci"}},
                limiter);
  EXPECT_EQ(judge(access, Right::read, "ci").answer, Answer::unknown);
  EXPECT_EQ(judge(access, Right::read, "").answer, Answer::unknown);
}

}  // namespace
}  // namespace ncps::access
