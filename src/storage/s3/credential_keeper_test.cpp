#include "storage/s3/credential_keeper.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <stdexcept>
#include <vector>

#include "rt/block_on.h"
#include "rt/testing/gate.h"

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;
using Given = std::shared_ptr<const Credentials>;

struct Keeper : ::testing::Test {
  std::atomic<std::int64_t> now{1'000'000};  // seconds
  std::atomic<int> searches{0};
  std::atomic<std::int64_t> lifetime{3600};  // of what is found; 0: it never ends
  std::atomic<bool> broken{false};
  std::atomic<bool> throws{false};
  ncps::testing::Gate gate;
  Runtime runtime{2};
  CredentialKeeper keeper{[this](Deadline) { return search(); },
                          [this] { return std::chrono::sys_seconds(std::chrono::seconds(now)); }};

  Task<Credentials> search() {
    auto number = ++searches;
    co_await gate.pass();
    if (throws) throw std::runtime_error("the search");
    if (broken) co_return fail(ErrorKind::unavailable, "search " + std::to_string(number));
    Credentials out;
    out.access_key = "K" + std::to_string(number);
    if (lifetime != 0) out.expires = std::chrono::sys_seconds(std::chrono::seconds(now + lifetime));
    co_return out;
  }

  Result<Given> current(Deadline deadline = Deadline::after(60s)) {
    return block_on(runtime, keeper.current(deadline));
  }
  std::string key() {
    auto given = current();
    return given ? (*given)->access_key : "error: " + given.error().what();
  }
  // `count` ask on one thread, one after the other; returns when all of them wait for something.
  std::vector<std::future<std::string>> ask(int count) {
    auto executor = runtime.loop(0).get_executor();
    std::vector<std::future<std::string>> out;
    for (int i = 0; i < count; ++i)
      out.push_back(boost::asio::co_spawn(executor, ask_here(), boost::asio::use_future));
    boost::asio::post(executor, boost::asio::use_future).get();
    return out;
  }
  boost::asio::awaitable<std::string> ask_here() {
    auto given = co_await keeper.current(Deadline::after(60s));
    co_return given ? (*given)->access_key : "error: " + given.error().what();
  }
  // Asks without waiting for the answer.
  std::future<std::string> ask() {
    return std::async(std::launch::async, [this] { return key(); });
  }
};

TEST_F(Keeper, SearchesOnceForWhatLasts) {
  gate.open();
  lifetime = 0;
  EXPECT_EQ(key(), "K1");
  now += 1'000'000'000;
  EXPECT_EQ(key(), "K1");
  keeper.reject(*current());
  EXPECT_EQ(key(), "K1");
}

TEST_F(Keeper, RenewsFiveMinutesBeforeTheEnd) {
  gate.open();
  EXPECT_EQ(key(), "K1");
  now += 3600 - 301;
  EXPECT_EQ(key(), "K1");
  now += 1;
  EXPECT_EQ(key(), "K2");
}

TEST_F(Keeper, WhatEndsSoonIsUsedForHalfOfItsLife) {
  gate.open();
  lifetime = 100;
  EXPECT_EQ(key(), "K1");
  now += 49;
  EXPECT_EQ(key(), "K1");
  now += 1;
  EXPECT_EQ(key(), "K2");
}

TEST_F(Keeper, OneSearchServesAllWhoAsk) {
  auto asked = ask(8);
  gate.open();
  for (auto& one : asked) EXPECT_EQ(one.get(), "K1");
  EXPECT_EQ(searches, 1);
}

TEST_F(Keeper, TheOldOnesServeWhileNewOnesAreSearchedFor) {
  lifetime = 3600;
  auto first = ask();
  ASSERT_TRUE(gate.wait_for(1));
  gate.open();
  EXPECT_EQ(first.get(), "K1");
  now += 3500;
  broken = true;
  EXPECT_EQ(key(), "K1");
  EXPECT_EQ(searches, 2);
  now += 29;  // not asked again at once
  EXPECT_EQ(key(), "K1");
  EXPECT_EQ(searches, 2);
  now += 1;
  EXPECT_EQ(key(), "K1");
  EXPECT_EQ(searches, 3);
  now += 70;  // now they are over
  EXPECT_TRUE(key().starts_with("error: search 4"));
  broken = false;
  EXPECT_EQ(key(), "K5");
}

TEST_F(Keeper, OneFailureIsEverybodysWhoWaitedForIt) {
  broken = true;
  auto asked = ask(8);
  gate.open();
  for (auto& one : asked) EXPECT_EQ(one.get(), "error: search 1");
  broken = false;
  EXPECT_EQ(key(), "K2");
}

TEST_F(Keeper, WaitingEndsWithItsDeadline) {
  auto first = ask();
  ASSERT_TRUE(gate.wait_for(1));
  auto late = current(Deadline::after(1ms));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
  gate.open();
  EXPECT_EQ(first.get(), "K1");
}

TEST_F(Keeper, WhatTheServerCallsOverIsNotGivenOutAgain) {
  gate.open();
  auto old = current().value();
  keeper.reject(old);
  EXPECT_EQ(key(), "K2");
  keeper.reject(old);  // somebody who is late with that news
  EXPECT_EQ(key(), "K2");
}

TEST_F(Keeper, WhatHasEndedWhenItComesIsAnErrorAndNoEndlessSearch) {
  gate.open();
  lifetime = -5;
  EXPECT_NE(key().find("clock"), std::string::npos);
  EXPECT_EQ(searches, 1);
}

TEST_F(Keeper, ASearchThatThrowsKeepsNobodyWaiting) {
  gate.open();
  throws = true;
  EXPECT_THROW((void)current(), std::runtime_error);
  throws = false;
  EXPECT_EQ(key(), "K2");
}

}  // namespace
}  // namespace ncps::s3
