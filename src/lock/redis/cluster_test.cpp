// A real cluster: three masters, each with a replica, of which one dies, and slots that move.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <utility>

#include "lock/redis/lease_keys.h"
#include "lock/redis/redis_leases.h"
#include "lock/redis/slots.h"
#include "lock/redis/testing/redis_server.h"
#include "rt/block_on.h"

namespace ncps::redis {
namespace {

using lock::Lease;
using lock::Leases;
using lock::Taken;
using ncps::testing::eventually;
using ncps::testing::RedisCluster;
using ncps::testing::RedisServer;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Cluster : public ::testing::Test {
 protected:
  static std::unique_ptr<Leases> open(RedisOptions options) {
    return open_redis_leases(std::move(options)).value();
  }
  Result<Taken> take(Leases& leases, std::string name, milliseconds time_to_live = seconds(30)) {
    lock::Ask ask{.name = std::move(name), .time_to_live = time_to_live};
    return block_on(runtime, leases.try_take(std::move(ask), Deadline::after(seconds(30))));
  }
  std::unique_ptr<Lease> wait_for(Leases& leases, const std::string& name,
                                  milliseconds time_to_live = seconds(30)) {
    std::unique_ptr<Lease> out;
    eventually("the lease " + name, [&] {
      auto taken = take(leases, name, time_to_live);
      if (taken && taken->index() == 0) out = std::get<0>(*std::move(taken));
      return out != nullptr;
    });
    return out;
  }
  static std::string key(const std::string& name) { return lease_keys("ncps:lock:", name).lease; }

  // Moves the slot of a key, and the keys in it, to another master; `begun`: all but the last word.
  enum class Move { begun, done };
  static void move_slot(RedisCluster& cluster, const std::string& key, RedisServer& to,
                        Move state) {
    auto& from = cluster.master_of(key);
    auto slot = std::to_string(slot_of(key));
    auto from_id = from.ask({"CLUSTER", "MYID"}).text, to_id = to.ask({"CLUSTER", "MYID"}).text;
    ASSERT_FALSE(to.ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", from_id}).is_error());
    ASSERT_FALSE(from.ask({"CLUSTER", "SETSLOT", slot, "MIGRATING", to_id}).is_error());
    auto port = std::to_string(to.address().port);
    auto keys = from.ask({"CLUSTER", "GETKEYSINSLOT", slot, "100"});
    for (const auto& one : keys.items)
      ASSERT_FALSE(from.ask({"MIGRATE", "127.0.0.1", port, one.text, "0", "5000"}).is_error());
    if (state == Move::begun) return;
    for (auto* node : {&to, &from})
      ASSERT_FALSE(node->ask({"CLUSTER", "SETSLOT", slot, "NODE", to_id}).is_error());
  }

  static RedisServer& another_master(RedisCluster& cluster, const std::string& key) {
    auto& one = cluster.master_of(key);
    for (int i = 0;; ++i)
      if (auto& other = cluster.master_of(std::to_string(i)); &other != &one) return other;
  }

  static RedisCluster& shared() {
    static RedisCluster cluster;
    return cluster;
  }

  Runtime runtime{2};
};

TEST_F(Cluster, SlotsAreThoseThatRedisComputes) {
  std::mt19937 random(3);
  auto& node = *shared().nodes().front();
  for (int i = 0; i < 60; ++i) {
    std::string key;
    for (auto size = random() % 20; size > 0; --size) key.push_back("ab{}{}\xff:"[random() % 8]);
    EXPECT_EQ(node.ask({"CLUSTER", "KEYSLOT", key}).integer, slot_of(key)) << key;
  }
}

TEST_F(Cluster, LeasesLieOnAllMasters) {
  auto leases = open(shared().use());
  std::set<std::string> masters;
  std::vector<std::unique_ptr<Lease>> held;
  for (int i = 0; i < 30; ++i) {
    auto name = "spread" + std::to_string(i);
    held.push_back(wait_for(*leases, name));
    auto& master = shared().master_of(key(name));
    EXPECT_EQ(master.ask({"EXISTS", key(name)}).integer, 1);
    masters.insert(master.address().str());
  }
  EXPECT_EQ(masters.size(), 3U);
}

TEST_F(Cluster, ASlotThatHasMovedIsFollowedAndALeaseMovesAlong) {
  auto leases = open(shared().use());
  auto lease = wait_for(*leases, "moves", seconds(10));
  auto& to = another_master(shared(), key("moves"));
  move_slot(shared(), key("moves"), to, Move::done);
  auto taken = take(*leases, "moves");
  ASSERT_TRUE(taken) << taken.error().what();
  EXPECT_EQ(taken->index(), 1U);
  // Longer than its own time: it was renewed where it lies now.
  auto end = std::chrono::steady_clock::now() + seconds(11);
  eventually("it is older than its time", [&] { return std::chrono::steady_clock::now() > end; });
  EXPECT_TRUE(lease->good());
  EXPECT_EQ(to.ask({"EXISTS", key("moves")}).integer, 1);
}

TEST_F(Cluster, ASlotThatIsMovingIsAskedWhereItsKeysAre) {
  auto leases = open(shared().use());
  auto lease = wait_for(*leases, "moving", seconds(10));
  auto& to = another_master(shared(), key("moving"));
  move_slot(shared(), key("moving"), to, Move::begun);
  auto end = std::chrono::steady_clock::now() + seconds(11);
  eventually("it is older than its time", [&] { return std::chrono::steady_clock::now() > end; });
  EXPECT_TRUE(lease->good()) << "renewed at the new place: ASK, then ASKING there";
  auto taken = take(*leases, "moving");
  ASSERT_TRUE(taken) << taken.error().what();
  EXPECT_EQ(taken->index(), 1U);
  EXPECT_EQ(to.ask({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot_of(key("moving")))}).integer,
            2);
  move_slot(shared(), key("moving"), to, Move::done);
  lease.reset();
  EXPECT_TRUE(wait_for(*leases, "moving"));
}

TEST_F(Cluster, ANameThatIsNewInAMovingSlotHasToWaitForTheEndOfTheMove) {
  auto leases = open(shared().use());
  ASSERT_TRUE(wait_for(*leases, "other"));
  auto& to = another_master(shared(), key("new"));
  move_slot(shared(), key("new"), to, Move::begun);
  auto taken = take(*leases, "new");
  ASSERT_FALSE(taken) << "a cluster refuses several keys there that it does not have";
  EXPECT_EQ(taken.error().kind(), ErrorKind::unavailable);
  EXPECT_NE(taken.error().what().find("TRYAGAIN"), std::string::npos) << taken.error().what();
  move_slot(shared(), key("new"), to, Move::done);
  EXPECT_TRUE(wait_for(*leases, "new"));
}

TEST_F(Cluster, AMasterThatDiesTakesNoLeaseAlongThatItsReplicaHas) {
  RedisCluster cluster(RedisCluster::kHurried);
  auto here = open(cluster.use()), there = open(cluster.use());
  auto lease = wait_for(*here, "a", seconds(20));
  auto fence = lease->fence();
  auto& first = cluster.master_of(key("a"));
  ASSERT_GE(first.ask({"WAIT", "1", "10000"}).integer, 1);
  first.kill();
  auto& second = cluster.master_of(key("a"));
  EXPECT_NE(&second, &first);
  auto renewed_until = [&] { return second.ask({"PTTL", key("a")}).integer; };
  auto left = renewed_until();
  eventually("it is renewed at the new master", [&] {
    auto now = renewed_until();
    return now > std::exchange(left, now);
  });
  EXPECT_TRUE(lease->good());
  eventually("the other instance sees it again", [&] {
    auto taken = take(*there, "a");
    return taken && taken->index() == 1;
  });
  lease.reset();
  auto next = wait_for(*there, "a");
  EXPECT_GT(next->fence(), fence);
  eventually("nothing is wrong", [&] { return here->trouble().empty(); });
}

TEST_F(Cluster, ALeaseThatAFailoverHasLostIsNotGoodAnyMoreAndTheNextFenceIsGreater) {
  RedisCluster cluster(RedisCluster::kHurried);
  auto here = open(cluster.use()), there = open(cluster.use());
  auto lease = wait_for(*here, "a", seconds(20));
  auto& first = cluster.master_of(key("a"));
  ASSERT_GE(first.ask({"WAIT", "1", "10000"}).integer, 1);
  first.kill();
  auto& second = cluster.master_of(key("a"));
  // As if the last writes had not arrived there.
  second.ask({"DEL", key("a"), key("a") + ":fence"});
  eventually("it is noticed", [&] { return !lease->good(); });
  auto next = wait_for(*there, "a");
  EXPECT_GT(next->fence(), lease->fence());
  lease.reset();
  EXPECT_TRUE(next->good());
  auto taken = take(*there, "a");
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->index(), 1U);
}

TEST_F(Cluster, WithoutAMajorityNobodyGetsALeaseAndAfterItEverybodyDoes) {
  RedisCluster cluster(RedisCluster::kHurried);
  auto leases = open(cluster.use());
  ASSERT_TRUE(wait_for(*leases, "a"));
  for (auto& node : cluster.nodes()) node->freeze();
  EXPECT_FALSE(take(*leases, "a"));
  for (auto& node : cluster.nodes()) node->thaw();
  EXPECT_TRUE(wait_for(*leases, "a"));
}

TEST_F(Cluster, NodesThatAllStandStillFromTheBeginningCostOneWait) {
  RedisServer one({}), two({});
  auto options = one.use();
  options.addresses.push_back(two.address());
  options.patience = {.connect = milliseconds(500), .answer = milliseconds(500)};
  one.freeze();
  two.freeze();
  auto leases = open(options);
  ASSERT_FALSE(take(*leases, "a"));
  eventually("both are known to be away", [&] { return !leases->trouble().empty(); });
  for (int i = 0; i < 1000; ++i)  // each with its own wait this would take minutes
    ASSERT_FALSE(take(*leases, "a"));
}

TEST_F(Cluster, SeveralServersThatAreNoneAreSaidToBeNone) {
  RedisServer one({}), two({});
  auto options = one.use();
  options.addresses.push_back(two.address());
  auto leases = open(options);
  auto taken = take(*leases, "a");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::unavailable);
  EXPECT_NE(taken.error().what().find("no node of a cluster"), std::string::npos)
      << taken.error().what();
}

TEST_F(Cluster, OneAddressThatIsAwayDoesNotMatter) {
  auto options = shared().use();
  options.addresses.insert(options.addresses.begin(), {.host = "127.0.0.1", .port = 1});
  auto leases = open(options);
  EXPECT_TRUE(wait_for(*leases, "one is away"));
}

}  // namespace
}  // namespace ncps::redis
