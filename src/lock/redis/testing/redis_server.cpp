#include "lock/redis/testing/redis_server.h"

#include <signal.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/testing/process/certificates.h"
#include "base/testing/process/free_port.h"
#include "lock/redis/connection.h"
#include "lock/redis/slots.h"
#include "lock/redis/tls_context.h"
#include "rt/block_on.h"

namespace ncps::testing {
namespace {

namespace fs = std::filesystem;
using redis::Reply;

constexpr auto kPatience = std::chrono::seconds(60);  // on a busy machine

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return std::move(text).str();
}

// The cluster's bus has the port + 10,000.
int port_for_cluster() {
  for (;;)
    if (auto port = free_port(); is_free_port(port + 10'000)) return port;
}

}  // namespace

void eventually(const std::string& what, const std::function<bool()>& condition) {
  auto last = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > last)
      throw std::runtime_error("not within a minute: " + what);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

RedisServer& RedisServer::plain() {
  static RedisServer server({});
  return server;
}

RedisServer::RedisServer(Options options)
    : options_(std::move(options)), folder_(make_folder("redis")), port_(port_for_cluster()) {
  try {
    if (options_.tls) make_certificates(folder_);
    if (!options_.user.empty())
      std::ofstream(folder_ / "users.acl")
          << "user " << options_.user << " on >" << options_.password
          << " ~ncps:lock:* &ncps:lock:* +@all -@dangerous -@admin\n"
          << "user default on >" << options_.password << " ~* &* +@all\n";
    start();
  } catch (...) {
    child_.reset();
    fs::remove_all(folder_);
    throw;
  }
}

RedisServer::~RedisServer() {
  kill();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

redis::NodeAddress RedisServer::address() const {
  return {.host = options_.tls ? "localhost" : "127.0.0.1",
          .port = static_cast<std::uint16_t>(port_)};
}

redis::RedisOptions RedisServer::use() const {
  redis::RedisOptions out;
  out.addresses = {address()};
  out.login = {.username = options_.user, .password = options_.password};
  if (options_.tls) out.tls = {.wanted = true, .ca_file = folder_ / "ca.pem"};
  out.retry.first = std::chrono::milliseconds(10);
  out.retry.ceiling = std::chrono::milliseconds(100);
  return out;
}

void RedisServer::kill() {
  child_.reset();
}

void RedisServer::start() {
  auto file = [&](const char* name) { return (folder_ / name).native(); };
  auto port = std::to_string(port_);
  std::vector<std::string> command = {
      "/usr/bin/redis-server", "--bind", "127.0.0.1", "--dir", folder_.native(), "--save", "",
      "--appendonly",          "no"};
  auto add = [&](std::vector<std::string> words) {
    command.insert(command.end(), words.begin(), words.end());
  };
  if (options_.tls) {
    add({"--port", "0", "--tls-port", port, "--tls-cert-file", file("server.pem"), "--tls-key-file",
         file("server.key"), "--tls-ca-cert-file", file("ca.pem"), "--tls-auth-clients", "no"});
  } else {
    add({"--port", port});
  }
  if (!options_.user.empty()) {
    add({"--aclfile", file("users.acl")});
  } else if (!options_.password.empty()) {
    add({"--requirepass", options_.password});
  }
  add(options_.more);
  child_ = std::make_unique<Child>(command, folder_ / "log");
  eventually("redis-server answers (scripts/deps.sh test installs it)", [&] {
    if (!child_->running()) throw std::runtime_error(text_of(folder_ / "log"));
    return answers();
  });
}

bool RedisServer::answers() {
  try {
    return !ask({"PING"}).is_error();
  } catch (const std::runtime_error&) {
    return false;
  }
}

Reply RedisServer::ask(redis::Command command) {
  auto how = use();
  auto tls = redis::make_tls_context(how.tls);
  if (!tls) throw std::runtime_error(tls.error().what());
  redis::Login administrator{.password = options_.password};
  auto work = [](redis::NodeAddress where, redis::Login login,
                 std::shared_ptr<redis::TlsContext> context, redis::Command words) -> Task<Reply> {
    auto deadline = Deadline::after(std::chrono::seconds(5));
    CO_TRY(auto connection, co_await redis::Connection::open(where, login, context, deadline));
    co_return co_await connection->ask(words, deadline);
  };
  auto reply = block_on(runtime_, work(address(), administrator, *tls, std::move(command)));
  if (!reply) throw std::runtime_error(reply.error().what());
  return std::move(*reply);
}

RedisCluster::RedisCluster(std::chrono::milliseconds node_timeout) {
  std::vector<std::string> create = {"/usr/bin/redis-cli", "--cluster", "create"};
  for (int i = 0; i < 6; ++i) {
    nodes_.push_back(std::make_unique<RedisServer>(RedisServer::Options{
        .more = {"--cluster-enabled", "yes", "--cluster-node-timeout",
                 std::to_string(node_timeout.count()), "--cluster-replica-validity-factor", "0",
                 "--repl-diskless-sync-delay", "0"}}));
    create.push_back(nodes_.back()->address().str());
  }
  create.insert(create.end(), {"--cluster-replicas", "1", "--cluster-yes"});
  run_to_end(create, nodes_.front()->folder() / "create.log");
  wait_until_whole();
}

redis::RedisOptions RedisCluster::use() const {
  auto out = nodes_.front()->use();
  out.addresses.clear();
  for (const auto& node : nodes_) out.addresses.push_back(node->address());
  return out;
}

bool RedisCluster::is_whole() {
  for (auto& node : nodes_) {
    if (!node->answers()) continue;
    auto info = node->ask({"CLUSTER", "INFO"}).text, role = node->ask({"INFO", "replication"}).text;
    if (info.find("cluster_state:ok") == info.npos) return false;
    if (role.find("role:slave") != role.npos && role.find("master_link_status:up") == role.npos)
      return false;
  }
  return true;
}

void RedisCluster::wait_until_whole() {
  eventually("the cluster is whole", [&] { return is_whole(); });
}

RedisServer* RedisCluster::find_master_of(const std::string& key) {
  for (auto& asked : nodes_) {
    if (!asked->answers()) continue;
    auto table = redis::SlotTable::parse(asked->ask({"CLUSTER", "SLOTS"}), asked->address());
    const auto* master = table ? table->master(redis::slot_of(key)) : nullptr;
    for (auto& node : nodes_)
      if (master != nullptr && node->address() == *master && node->answers()) return node.get();
    return nullptr;
  }
  return nullptr;
}

RedisServer& RedisCluster::master_of(const std::string& key) {
  RedisServer* found = nullptr;
  eventually("somebody has " + key, [&] { return (found = find_master_of(key)) != nullptr; });
  return *found;
}

}  // namespace ncps::testing
