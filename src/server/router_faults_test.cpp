#include <gtest/gtest.h>

#include "server/testing/router_fixture.h"

namespace ncps::server {
namespace {

namespace fs = std::filesystem;
using testing::package;
using testing::RawClient;
using testing::RouterTest;

// A database that cannot be asked.
class BrokenCatalog final : public db::Catalog, public db::UploadRows {
 public:
  Task<std::optional<db::NarInfoRow>> find_narinfo(nix::StorePathHash) override {
    co_return std::unexpected(error());
  }
  Task<void> put_narinfo(db::NarInfoRow, db::NarRow) override {
    co_return std::unexpected(error());
  }
  Task<void> check() override { co_return std::unexpected(error()); }
  Task<void> note_uses(db::Uses, std::chrono::sys_seconds) override {
    co_return std::unexpected(error());
  }
  Task<std::optional<db::NarRow>> find_nar(nix::NarUrl) override {
    co_return std::unexpected(error());
  }
  Task<bool> claim(nix::NarUrl, std::uint64_t) override { co_return std::unexpected(error()); }
  Task<void> mark_stored(nix::NarUrl, std::uint64_t, std::uint64_t) override {
    co_return std::unexpected(error());
  }

  db::UploadRows& uploads() override { return *this; }
  Task<void> put_nar(db::NarRow) override { co_return std::unexpected(error()); }
  Task<bool> replace_narinfo(db::NarInfoRow, db::NarRow, std::optional<std::string>) override {
    co_return std::unexpected(error());
  }
  Task<std::vector<nix::StorePathHash>> narinfos_of(nix::NarUrl) override {
    co_return std::unexpected(error());
  }
  Task<std::optional<nix::NarUrl>> remove_narinfo(nix::StorePathHash) override {
    co_return std::unexpected(error());
  }
  Task<void> remove_nar(nix::NarUrl) override { co_return std::unexpected(error()); }

 private:
  static Error error() { return Error(ErrorKind::unavailable, "SELECT secret FROM secret"); }
};

struct RouterFaults : RouterTest {
  void expect_hidden(const testing::Answer& answer) {
    EXPECT_EQ(answer.status, 503u);
    EXPECT_EQ(value_of(answer, "Cache-Control"), "no-store");
    for (auto text :
         {root.path().filename().string(), std::string("store/"), std::string("secret")})
      EXPECT_EQ(answer.body.find(text), std::string::npos) << answer.body;
  }
};

TEST_F(RouterFaults, WhatEveryUpstreamLacksIsNotFound) {
  start();
  auto p = package('a', "contents");
  for (auto path : {p.narinfo_path(), p.nar_path()})
    for (auto method : {"GET", "HEAD"}) {
      auto answer = ask(method, path);
      EXPECT_EQ(answer.status, 404u) << method << path;
      EXPECT_EQ(value_of(answer, "Cache-Control"), "no-store");
    }
  // Remembered, so asked for once, until something changes.
  EXPECT_EQ(first->calls().narinfos, 1u);
  EXPECT_EQ(second->calls().narinfos, 1u);
  parts->narinfos.use({});
  second->put_narinfo(p.hash, p.narinfo);
  second->put_nar(p.nar_url, p.nar);
  EXPECT_EQ(get(p.narinfo_path()).status, 200u);
  EXPECT_TRUE(get(p.nar_path()).body == p.nar);
}

TEST_F(RouterFaults, ANarOfNoKnownNameIsNotAskedFor) {
  start();
  EXPECT_EQ(get("/nar/some-name.nar.xz").status, 404u);
  EXPECT_EQ(head("/nar/some-name.nar.xz").status, 404u);
  EXPECT_EQ(calls(), 0u);
}

TEST_F(RouterFaults, AnUpstreamThatFailsIsABadGatewayAndNeverAbsence) {
  start();
  auto p = package('a', "contents");
  first->break_with(Error(ErrorKind::upstream, "https://a: answered 500"));
  for (auto path : {p.narinfo_path(), p.nar_path()})
    for (auto method : {"GET", "HEAD"}) EXPECT_EQ(ask(method, path).status, 502u) << method << path;
  EXPECT_NE(get(p.narinfo_path()).body.find("https://a"), std::string::npos);
  EXPECT_GT(second->calls().narinfos, 0u);

  first->break_with(Error(ErrorKind::timeout, "https://a: no answer"));
  for (auto path : {p.narinfo_path(), p.nar_path()})
    for (auto method : {"GET", "HEAD"}) EXPECT_EQ(ask(method, path).status, 504u) << method << path;

  // The other one helps out.
  second->put_narinfo(p.hash, p.narinfo);
  second->put_nar(p.nar_url, p.nar);
  EXPECT_EQ(get(p.narinfo_path()).status, 200u);
  EXPECT_TRUE(get(p.nar_path()).body == p.nar);
}

TEST_F(RouterFaults, ANarInfoThatCannotBeRightIsNotServed) {
  start();
  auto p = package('a', "contents"), other = package('b', "contents");
  for (auto text : {other.narinfo, std::string("<html>sorry</html>"), std::string("")}) {
    first->put_narinfo(p.hash, text);
    EXPECT_EQ(get(p.narinfo_path()).status, 502u) << text;
  }
  first->put_narinfo(p.hash, p.narinfo);
  EXPECT_EQ(get(p.narinfo_path()).status, 200u);
}

TEST_F(RouterFaults, ANarThatIsNotWhatWasAnnouncedNeverEndsCleanly) {
  start();
  auto p = package('a', std::string(100'000, 'n'));
  serve(p);
  ASSERT_EQ(head(p.narinfo_path()).status, 200u);
  auto wrong = p.nar;
  wrong[wrong.size() / 2] ^= 1;
  first->put_nar(p.nar_url, wrong);
  auto answer = get(p.nar_path());
  EXPECT_FALSE(answer.status == 200 && answer.complete);
  stop();
  start();
  first->put_nar(p.nar_url, p.nar);
  EXPECT_TRUE(get(p.nar_path()).body == p.nar);
}

TEST_F(RouterFaults, AStoreThatCannotBeReadIsNotShownToClients) {
  start();
  auto p = package('a', "contents");
  serve(p);
  for (const auto& key : {cache::narinfo_key(p.hash).str(),
                          cache::nar_key(nix::NarUrl::parse(p.nar_url).value()).str()})
    fs::create_directories(root.path() / key);  // where a file should be
  for (auto path : {p.narinfo_path(), p.nar_path()})
    for (auto method : {"GET", "HEAD"}) expect_hidden(ask(method, path));
  EXPECT_EQ(calls(), 0u);
}

TEST_F(RouterFaults, ADatabaseThatCannotBeAskedIsNotShownToClients) {
  catalog = std::make_unique<BrokenCatalog>();
  start();
  auto p = package('a', "contents");
  serve(p);
  for (auto path : {p.narinfo_path(), p.nar_path()})
    for (auto method : {"GET", "HEAD"}) expect_hidden(ask(method, path));

  // Hits go on, so a balancer need not go elsewhere; but it is said.
  auto ready = get("/readyz");
  EXPECT_EQ(ready.status, 200u);
  EXPECT_TRUE(ready.body.contains(R"("database":"does not answer")")) << ready.body;
  EXPECT_TRUE(ready.body.contains(R"("status":"degraded")")) << ready.body;
  EXPECT_FALSE(ready.body.contains("secret")) << ready.body;
}

TEST_F(RouterFaults, AfterAFaultTheSameConnectionGoesOn) {
  start();
  auto p = package('a', "contents");
  first->break_with(Error(ErrorKind::upstream, "https://a: answered 500"));
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.get(p.narinfo_path()));
    EXPECT_EQ(client.read().status, 502u);
    ASSERT_TRUE(client.get("/healthz"));
    EXPECT_EQ(client.read().body, ".");
  }
}

}  // namespace
}  // namespace ncps::server
