#include "lock/redis/redis_leases.h"

#include "lock/redis/lease_keys.h"
#include "lock/redis/testing/redis_server.h"
#include "lock/testing/leases_contract.h"

namespace ncps::redis {
namespace {

using lock::TwoLeases;
using ncps::testing::RedisCluster;
using ncps::testing::RedisServer;

std::shared_ptr<lock::Leases> open(RedisOptions options) {
  auto leases = open_redis_leases(std::move(options));
  if (!leases) throw std::runtime_error(leases.error().what());
  return std::move(*leases);
}

// With keys of their own each time.
TwoLeases two(RedisOptions options) {
  static int number = 0;
  options.key_prefix += std::to_string(++number) + ":";
  return {.here = open(options), .there = open(options)};
}

TwoLeases make_plain() {
  return two(RedisServer::plain().use());
}
TwoLeases make_with_tls_and_acl() {
  static RedisServer server({.user = "some-user", .password = "p@ss/word#%:$", .tls = true});
  return two(server.use());
}
TwoLeases make_in_cluster() {
  static RedisCluster cluster;
  return two(cluster.use());
}
TwoLeases make_in_cluster_by_one_address() {
  static RedisCluster cluster;
  auto options = cluster.use();
  options.addresses.resize(1);
  return two(options);
}
TwoLeases make_with_one_connection() {
  auto options = RedisServer::plain().use();
  options.pool_size = 1;
  return two(options);
}

using lock::LeasesContract;
INSTANTIATE_TEST_SUITE_P(Redis, LeasesContract, ::testing::Values(make_plain));
INSTANTIATE_TEST_SUITE_P(RedisTlsAcl, LeasesContract, ::testing::Values(make_with_tls_and_acl));
INSTANTIATE_TEST_SUITE_P(RedisCluster, LeasesContract, ::testing::Values(make_in_cluster));
INSTANTIATE_TEST_SUITE_P(RedisClusterOneAddress, LeasesContract,
                         ::testing::Values(make_in_cluster_by_one_address));
INSTANTIATE_TEST_SUITE_P(RedisOneConnection, LeasesContract,
                         ::testing::Values(make_with_one_connection));

}  // namespace
}  // namespace ncps::redis
