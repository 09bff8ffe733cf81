#include "lock/redis/reply_reader.h"

#include <gtest/gtest.h>

#include <random>

namespace ncps::redis {
namespace {

Result<std::optional<Reply>> read(std::string_view bytes) {
  ReplyReader reader;
  TRY(reader.feed(bytes));
  return reader.next();
}

Reply whole(std::string_view bytes) {
  auto reply = read(bytes);
  if (reply && *reply) return **reply;
  ADD_FAILURE() << (reply ? "not whole" : reply.error().what());
  return {};
}

TEST(ReplyReader, EveryTypeIsRead) {
  EXPECT_EQ(whole("+OK\r\n").type, Reply::Type::status);
  EXPECT_EQ(whole("+OK\r\n").text, "OK");
  EXPECT_TRUE(whole("-ERR no\r\n").is_error("ERR"));
  EXPECT_EQ(whole(":-7\r\n").integer, -7);
  EXPECT_EQ(whole("$3\r\na\r\n\r\n").text, "a\r\n");
  EXPECT_EQ(whole("$0\r\n\r\n").type, Reply::Type::text);
  EXPECT_EQ(whole("$-1\r\n").type, Reply::Type::nil);
  EXPECT_EQ(whole("*-1\r\n").type, Reply::Type::nil);
  EXPECT_EQ(whole("*0\r\n").type, Reply::Type::array);
  auto nested = whole("*3\r\n:1\r\n*2\r\n$1\r\na\r\n$-1\r\n-E\r\n");
  ASSERT_EQ(nested.items.size(), 3U);
  EXPECT_EQ(nested.at(0).integer, 1);
  EXPECT_EQ(nested.at(1).at(0).text, "a");
  EXPECT_EQ(nested.at(1).at(1).type, Reply::Type::nil);
  EXPECT_TRUE(nested.at(2).is_error());
  EXPECT_EQ(nested.at(3).type, Reply::Type::nil);
}

TEST(ReplyReader, BytesMayComeOneByOne) {
  std::string_view bytes = "*2\r\n$5\r\nhello\r\n*1\r\n:12\r\n+next\r\n";
  ReplyReader reader;
  std::vector<Reply> replies;
  for (char c : bytes) {
    ASSERT_TRUE(reader.feed({&c, 1}));
    auto reply = reader.next();
    ASSERT_TRUE(reply);
    if (*reply) replies.push_back(**reply);
  }
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[0].at(1).at(0).integer, 12);
  EXPECT_EQ(replies[1].text, "next");
  EXPECT_FALSE(reader.has_rest());
}

TEST(ReplyReader, SeveralMayComeAtOnce) {
  ReplyReader reader;
  ASSERT_TRUE(reader.feed("+a\r\n+b\r\n+c"));
  EXPECT_EQ(reader.next().value()->text, "a");
  EXPECT_TRUE(reader.has_rest());
  EXPECT_EQ(reader.next().value()->text, "b");
  EXPECT_FALSE(reader.next().value());
}

TEST(ReplyReader, WhatIsNoRespIsRefused) {
  for (std::string_view bad :
       {"HTTP/1.1 400 Bad Request\r\n", "\r\n", "?\r\n", "$x\r\n", ":x\r\n", ":\r\n", "$-2\r\n",
        "*-2\r\n", "*x\r\n", "\x15\x03\x03", "*1\r\n?\r\n", "%1\r\n", "_\r\n",
        ":99999999999999999999\r\n", "*99999999999\r\n"})
    EXPECT_FALSE(read(bad)) << bad;
}

TEST(ReplyReader, ArraysOfAbsurdSizeAreRefusedBeforeThereIsMemoryForThem) {
  EXPECT_FALSE(read("*2000000000\r\n"));
  EXPECT_FALSE(read("*20001\r\n"));
  EXPECT_FALSE(read("*2\r\n*15000\r\n"  // together
                    + [] {
                        std::string items;
                        for (int i = 0; i < 15'000; ++i) items += ":1\r\n";
                        return items + "*15000\r\n";
                      }()));
  auto fair = read("*19999\r\n:1\r\n");
  ASSERT_TRUE(fair);
  EXPECT_FALSE(*fair) << "not whole yet";
}

TEST(ReplyReader, NestingHasAnEnd) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "*1\r\n";
  EXPECT_FALSE(read(deep + ":1\r\n"));
}

TEST(ReplyReader, AnAnswerThatNeverEndsIsGivenUp) {
  ReplyReader reader;
  ASSERT_TRUE(reader.feed("$999999999\r\n"));
  std::string some(64 * 1024, 'x');
  int fed = 0;
  while (reader.feed(some) && fed < 100) {
    auto next = reader.next();
    ASSERT_TRUE(next);
    ASSERT_FALSE(*next);
    ++fed;
  }
  EXPECT_LT(fed, 17);
}

TEST(ReplyReader, ManyAnswersOneAfterTheOtherAreNoLargeOne) {
  ReplyReader reader;
  std::string one = "$100000\r\n" + std::string(100'000, 'x') + "\r\n";
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(reader.feed(one)) << i;
    auto reply = reader.next();
    ASSERT_TRUE(reply);
    ASSERT_TRUE(*reply);
    EXPECT_EQ((*reply)->text.size(), 100'000U);
  }
  EXPECT_FALSE(reader.has_rest());
}

TEST(ReplyReader, RandomBytesNeverBreakIt) {
  std::mt19937 random(7);  // a seed that stays: the test is the same each time
  const std::string alphabet = "*$:+-0123456789\r\n\r\n\r\nab";
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (auto size = random() % 40; size > 0; --size)
      bytes.push_back(alphabet[random() % alphabet.size()]);
    ReplyReader reader;
    if (!reader.feed(bytes)) continue;
    for (int i = 0; i < 50; ++i) {
      auto reply = reader.next();
      if (!reply || !*reply) break;
    }
  }
}

}  // namespace
}  // namespace ncps::redis
