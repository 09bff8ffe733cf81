// A Redis that goes away, comes back without its data, stands still, or says nonsense.
#include <gtest/gtest.h>

#include "lock/degraded_leases.h"
#include "lock/redis/lease_keys.h"
#include "lock/redis/redis_leases.h"
#include "lock/redis/testing/redis_server.h"
#include "lock/redis/testing/wire_double.h"
#include "rt/block_on.h"

namespace ncps::redis {
namespace {

using lock::Holder;
using lock::Lease;
using lock::Leases;
using lock::Taken;
using ncps::testing::eventually;
using ncps::testing::Fate;
using ncps::testing::greeting;
using ncps::testing::RedisServer;
using ncps::testing::WireDouble;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kLong = seconds(30);

class Outage : public ::testing::Test {
 protected:
  static std::unique_ptr<Leases> open(RedisOptions options) {
    auto leases = open_redis_leases(std::move(options));
    if (!leases) throw std::runtime_error(leases.error().what());
    return std::move(*leases);
  }

  Result<Taken> take(Leases& leases, std::string name, milliseconds time_to_live = kLong,
                     milliseconds patience = kLong) {
    lock::Ask ask{.name = std::move(name), .note = "n", .time_to_live = time_to_live};
    return block_on(runtime, leases.try_take(std::move(ask), Deadline::after(patience)));
  }

  // Once it can be had.
  std::unique_ptr<Lease> wait_for(Leases& leases, const std::string& name,
                                  milliseconds time_to_live = kLong) {
    std::unique_ptr<Lease> out;
    eventually("the lease " + name, [&] {
      auto taken = take(leases, name, time_to_live);
      if (taken && taken->index() == 0) out = std::get<0>(*std::move(taken));
      return out != nullptr;
    });
    return out;
  }

  static std::string why(const Result<Taken>& taken) { return taken ? "" : taken.error().what(); }

  Runtime runtime{2};
};

TEST_F(Outage, AFenceGrowsAlsoWhenRedisHasLostItsData) {
  RedisServer server({});
  auto leases = open(server.use());
  auto first = wait_for(*leases, "a");
  server.kill();
  server.start();
  auto other = open(server.use());
  auto second = wait_for(*other, "a");
  EXPECT_GT(second->fence(), first->fence());
}

TEST_F(Outage, WhatRedisHasLostIsNoticed) {
  RedisServer server({});
  auto leases = open(server.use());
  auto lease = wait_for(*leases, "a", seconds(3));
  server.kill();
  server.start();
  eventually("it is noticed", [&] { return !lease->good(); });
  EXPECT_TRUE(wait_for(*leases, "a"));
}

TEST_F(Outage, WhatAnotherHasNowIsNotGivenBackByWhoLostIt) {
  RedisServer server({});
  auto here = open(server.use()), there = open(server.use());
  auto lost = wait_for(*here, "a", seconds(3));
  server.kill();
  server.start();
  auto kept = wait_for(*there, "a");
  eventually("it is noticed", [&] { return !lost->good(); });
  lost.reset();
  here.reset();  // whatever it has to give back is given back when this returns
  EXPECT_TRUE(kept->good());
  auto other = open(server.use());
  auto taken = take(*other, "a");
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->index(), 1U);
}

TEST_F(Outage, ALeaseLivesLongerThanItsTimeForAsLongAsItIsRenewed) {
  auto options = RedisServer::plain().use();
  options.key_prefix = "renewed:";
  auto here = open(options), there = open(options);
  auto lease = wait_for(*here, "a", milliseconds(300));
  auto end = std::chrono::steady_clock::now() + seconds(2);  // several times its own
  while (std::chrono::steady_clock::now() < end) {
    auto taken = take(*there, "a");
    ASSERT_TRUE(taken);
    if (lease->good()) ASSERT_EQ(taken->index(), 1U);
    if (taken->index() == 0) break;  // this machine stood still for too long: then it is not good
  }
  EXPECT_TRUE(std::chrono::steady_clock::now() >= end || !lease->good());
}

TEST_F(Outage, HundredsOfLeasesAreRenewedOverOneConnection) {
  auto options = RedisServer::plain().use();
  options.key_prefix = "many:";
  options.pool_size = 1;
  auto leases = open(options);
  std::vector<std::unique_ptr<Lease>> held;
  for (int i = 0; i < 500; ++i) held.push_back(wait_for(*leases, std::to_string(i), seconds(15)));
  auto end = std::chrono::steady_clock::now() + seconds(16);
  eventually("they are older than their time",
             [&] { return std::chrono::steady_clock::now() > end; });
  for (const auto& lease : held) EXPECT_TRUE(lease->good());
}

TEST_F(Outage, ALeaseIsNotGoodAnyMoreBeforeItExpiresInAFrozenRedis) {
  RedisServer server({});
  auto leases = open(server.use());
  auto lease = wait_for(*leases, "a", milliseconds(1500));
  auto begin = std::chrono::steady_clock::now();
  server.freeze();
  eventually("it is not good any more", [&] { return !lease->good(); });
  EXPECT_LE(std::chrono::steady_clock::now() - begin, seconds(20));
  server.thaw();
  eventually("Redis is asked again", [&] { return leases->trouble().empty(); });
  EXPECT_FALSE(lease->good()) << "what was lost stays lost";
  lease.reset();
  EXPECT_TRUE(wait_for(*leases, "a"));
}

TEST_F(Outage, AFrozenRedisIsGivenUpInTimeAndThenAtOnce) {
  RedisServer server({});
  auto options = server.use();
  options.patience = {.connect = milliseconds(500), .answer = milliseconds(500)};
  auto leases = open(options);
  ASSERT_TRUE(wait_for(*leases, "a"));
  server.freeze();
  auto taken = take(*leases, "b");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::timeout);
  EXPECT_NE(leases->trouble(), "");
  for (int i = 0; i < 1000; ++i) {  // each with its own wait this would take minutes
    auto again = take(*leases, "c");
    ASSERT_FALSE(again);
  }
  server.thaw();
  // b was taken by a question whose answer nobody waited for.
  EXPECT_TRUE(wait_for(*leases, "b"));
  EXPECT_TRUE(wait_for(*leases, "c"));
  eventually("nothing is wrong", [&] { return leases->trouble().empty(); });
}

TEST_F(Outage, TheCallersDeadlineHolds) {
  RedisServer server({});
  auto options = server.use();
  options.patience.answer = kLong;
  auto leases = open(options);
  ASSERT_TRUE(wait_for(*leases, "a"));
  server.freeze();
  auto taken = take(*leases, "b", kLong, milliseconds(50));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::timeout);
  EXPECT_EQ(leases->trouble(), "") << "50 ms say nothing about the server";
  server.thaw();  // the end gives back what it has
}

TEST_F(Outage, ARedisThatIsNotThereIsWaitedForWithoutAnybodyAsking) {
  RedisServer server({});
  server.kill();
  auto leases = open(server.use());
  auto taken = take(*leases, "a");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::unavailable);
  EXPECT_NE(why(taken).find(server.address().str()), std::string::npos) << why(taken);
  EXPECT_NE(leases->trouble().find(server.address().str()), std::string::npos);
  auto signal = leases->given_back("a");
  auto seen = signal->version();
  server.start();
  eventually("it is found", [&] { return leases->trouble().empty(); });
  eventually("who waits is woken: word may have been missed",
             [&] { return signal->version() != seen; });
  EXPECT_TRUE(take(*leases, "a"));
}

TEST_F(Outage, ARestartedRedisIsNoFailure) {
  RedisServer server({});
  auto leases = open(server.use());
  ASSERT_TRUE(wait_for(*leases, "a"));
  // Its return shall not be what finds out that the server is away.
  eventually("it is given back",
             [&] { return server.ask({"EXISTS", "ncps:lock:{a}"}).integer == 0; });
  server.kill();
  server.start();
  auto taken = take(*leases, "b");  // over a connection that has died
  EXPECT_TRUE(taken) << why(taken);
}

TEST_F(Outage, WordOfWhatWasGivenBackComesAgainAfterARestart) {
  RedisServer server({});
  auto here = open(server.use()), there = open(server.use());
  server.kill();
  server.start();
  auto lease = wait_for(*here, "a");
  auto signal = there->given_back("a");
  eventually("it listens again", [&] {
    return server.ask({"PUBSUB", "NUMSUB", "ncps:lock:given-back"}).at(1).integer == 2;
  });
  auto seen = signal->version();
  lease.reset();
  eventually("it is woken", [&] { return signal->version() != seen; });
}

TEST_F(Outage, WhoIsNotWaitedForGivesBackAtItsEnd) {
  RedisServer server({});
  auto leases = open(server.use());
  auto lease = wait_for(*leases, "a");
  lease.reset();
  leases.reset();
  EXPECT_EQ(server.ask({"EXISTS", "ncps:lock:{a}"}).integer, 0);
}

TEST_F(Outage, TheEndDoesNotWaitForAFrozenRedis) {
  RedisServer server({});
  auto options = server.use();
  options.patience = {.connect = milliseconds(300), .answer = milliseconds(300)};
  auto leases = open(options);
  auto lease = wait_for(*leases, "a");
  server.freeze();
  lease.reset();
  leases.reset();  // the test's time limit is the assertion
}

TEST_F(Outage, DegradedLeasesGoOnAndComeBack) {
  RedisServer server({});
  server.kill();
  auto signals = std::make_shared<lock::NamedSignals>();
  auto leases =
      lock::make_degraded_leases(open_redis_leases(server.use(), signals).value(), signals);
  auto alone = wait_for(*leases, "a");
  EXPECT_EQ(alone->fence(), 0U);
  server.start();
  eventually("it is found", [&] { return leases->trouble().empty(); });
  auto taken = take(*leases, "a");
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->index(), 1U) << "this process has it still";
  alone.reset();
  EXPECT_GT(wait_for(*leases, "a")->fence(), 0U);
}

// --- connections that break at the wrong moment ---

TEST_F(Outage, AnAnswerThatIsCutOffMakesNoSecondHolderAndLosesNothing) {
  auto& server = RedisServer::plain();
  for (std::size_t at : {0U, 1U, 3U, 5U, 10U}) {
    std::atomic<int> cuts = 0;
    WireDouble wire(server.address().port, [&](std::string_view command) -> Fate {
      bool is_script = command.find("EVAL") != command.npos;
      if (is_script && cuts.fetch_add(1) == 0) return {.cut_at = at};
      return {};
    });
    auto options = server.use();
    options.key_prefix = "cut" + std::to_string(at) + ":";
    auto direct = open(options);
    ASSERT_TRUE(wait_for(*direct, "warm-up"));  // the server knows the scripts
    options.addresses = {wire.address()};
    auto leases = open(options);
    auto taken = take(*leases, "a");
    ASSERT_TRUE(taken) << why(taken);
    ASSERT_EQ(taken->index(), 0U) << "the first try has taken it, for the same owner";
    EXPECT_GE(cuts, 2);
    auto other = take(*direct, "a");
    ASSERT_TRUE(other);
    ASSERT_EQ(other->index(), 1U);
    EXPECT_EQ(std::get<Holder>(*other).fence, std::get<0>(*taken)->fence());
    taken = Taken(Holder{});
    EXPECT_TRUE(wait_for(*direct, "a"));
  }
}

TEST_F(Outage, WhatWasTakenWithoutOurKnowingIsGivenBack) {
  auto& server = RedisServer::plain();
  std::atomic<bool> cut = true;
  WireDouble wire(server.address().port, [&](std::string_view command) -> Fate {
    if (cut && command.find("EVAL") != command.npos) return {.cut_at = 1};
    return {};
  });
  auto options = server.use();
  options.key_prefix = "unknown:";
  auto direct = open(options);
  ASSERT_TRUE(wait_for(*direct, "warm-up"));
  options.addresses = {wire.address()};
  options.retry.attempts = 1;
  auto leases = open(options);
  ASSERT_FALSE(take(*leases, "a", std::chrono::minutes(5)));
  cut = false;
  EXPECT_TRUE(wait_for(*direct, "a", std::chrono::minutes(5))) << "long before it expires";
}

struct Nonsense {
  const char* name;
  std::string answer;
};

class Answers : public Outage, public ::testing::WithParamInterface<Nonsense> {};

TEST_P(Answers, WhateverItAnswersItIsNoLease) {
  WireDouble wire(0, [&](std::string_view command) -> Fate {
    if (auto hello = greeting(command)) return {.answer = hello};
    return {.answer = GetParam().answer};
  });
  RedisOptions options;
  options.addresses = {wire.address()};
  options.retry = {.attempts = 2, .first = milliseconds(1), .ceiling = milliseconds(5)};
  options.patience = {.connect = milliseconds(1000), .answer = milliseconds(500)};
  auto leases = open(options);
  auto taken = take(*leases, "a");
  ASSERT_FALSE(taken);
  auto kind = taken.error().kind();
  EXPECT_TRUE(kind == ErrorKind::unavailable || kind == ErrorKind::timeout) << why(taken);
  EXPECT_LT(why(taken).size(), 600U);
  for (char c : why(taken)) EXPECT_TRUE(c >= ' ' && c <= '~');
}

std::string many_items() {
  return "*1000000\r\n" + std::string(100, ':');
}

INSTANTIATE_TEST_SUITE_P(
    Redis, Answers,
    ::testing::Values(
        Nonsense{"Nil", "$-1\r\n"}, Nonsense{"NilArray", "*-1\r\n"}, Nonsense{"Status", "+OK\r\n"},
        Nonsense{"Integer", ":1\r\n"}, Nonsense{"Text", "$2\r\n17\r\n"},
        Nonsense{"Empty", "*0\r\n"}, Nonsense{"WrongTypes", "*2\r\n$1\r\n1\r\n:17\r\n"},
        Nonsense{"NoFence", "*2\r\n:1\r\n$1\r\nx\r\n"},
        Nonsense{"NoNote", "*2\r\n:0\r\n$1\r\n1\r\n"}, Nonsense{"Error", "-ERR \x1b[31mnever\r\n"},
        Nonsense{"NoPermission", "-NOPERM no\r\n"}, Nonsense{"NoScriptForEver", "-NOSCRIPT no\r\n"},
        Nonsense{"OutOfMemory", "-OOM no\r\n"}, Nonsense{"Loading", "-LOADING it\r\n"},
        Nonsense{"ClusterDown", "-CLUSTERDOWN down\r\n"},
        Nonsense{"ReadOnly", "-READONLY replica\r\n"}, Nonsense{"TryAgain", "-TRYAGAIN x\r\n"},
        Nonsense{"MovedNowhere", "-MOVED\r\n"}, Nonsense{"MovedNonsense", "-MOVED x y\r\n"},
        Nonsense{"MovedToADeadOne", "-MOVED 1 127.0.0.1:1\r\n"},
        Nonsense{"AskToADeadOne", "-ASK 1 127.0.0.1:1\r\n"},
        Nonsense{"Http", "HTTP/1.1 400 Bad Request\r\n\r\n"},
        Nonsense{"Binary", "\x15\x03\x01\xff"},
        Nonsense{"TwoAnswers", "*2\r\n:1\r\n$2\r\n17\r\n*2\r\n:1\r\n$2\r\n18\r\n"},
        Nonsense{"Half", "*2\r\n:1\r\n$2\r\n1"}, Nonsense{"ManyItems", many_items()},
        Nonsense{"Huge", "$9000000\r\n" + std::string(2'000'000, 'x')},
        Nonsense{"LongError", "-ERR " + std::string(100'000, 'x') + "\r\n"}),
    [](const auto& info) { return info.param.name; });

TEST_F(Outage, ACircleOfRedirectsHasAnEnd) {
  std::string there;
  WireDouble wire(0, [&](std::string_view command) -> Fate {
    if (auto hello = greeting(command)) return {.answer = hello};
    if (command.find("SLOTS") != command.npos) return {.answer = "-NOPERM not for you\r\n"};
    return {.answer = "-MOVED 1 " + there + "\r\n"};
  });
  there = wire.address().str();
  RedisOptions options;
  options.addresses = {wire.address()};
  options.retry = {.attempts = 2, .first = milliseconds(1), .ceiling = milliseconds(5)};
  auto leases = open(options);
  auto taken = take(*leases, "a");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::unavailable);
}

TEST_F(Outage, OneConnectionIsUsedByManyAndClosedByTheServer) {
  RedisServer server({.more = {"--timeout", "1"}});  // seconds of doing nothing
  auto leases = open(server.use());
  ASSERT_TRUE(wait_for(*leases, "a"));
  eventually("the server has closed it", [&] {
    return server.ask({"INFO", "clients"}).text.find("connected_clients:2") != std::string::npos;
  });
  EXPECT_TRUE(take(*leases, "b"));
}

}  // namespace
}  // namespace ncps::redis
