// What may become hot: nothing that is out of date, or that leads nowhere.
#include <gtest/gtest.h>

#include <future>

#include "db/testing/failing_catalog.h"
#include "rt/testing/gate.h"
#include "server/testing/router_fixture.h"

namespace ncps::server {
namespace {

using testing::package;
using testing::RouterTest;

// A real catalog that waits at a gate, if there is one, before it writes a narinfo.
class GatedCatalog final : public db::FailingCatalog {
 public:
  using FailingCatalog::FailingCatalog;
  Task<void> put_narinfo(db::NarInfoRow narinfo, db::NarRow nar) override {
    auto held = gate.with([](auto& g) { return std::exchange(g, nullptr); });
    if (held) co_await held->pass();
    co_return co_await FailingCatalog::put_narinfo(std::move(narinfo), std::move(nar));
  }
  Guarded<std::shared_ptr<ncps::testing::Gate>> gate;  // for the next one
};

struct HotNarInfos : RouterTest {
  HotNarInfos() {
    real = std::move(catalog);
    auto gated = std::make_unique<GatedCatalog>(*real, faults);
    slow = gated.get();
    catalog = std::move(gated);
    start();
    serve(p);
  }
  ~HotNarInfos() override {
    stop();
    catalog.reset();
  }
  // A GET that is at its last step when this returns.
  std::future<testing::Answer> get_until_it_is_kept() {
    auto gate = this->gate;
    slow->gate.with([&](auto& g) { g = gate; });
    auto answer = std::async(std::launch::async, [this] { return get(p.narinfo_path()); });
    EXPECT_TRUE(gate->wait_for(1));
    return answer;
  }

  std::unique_ptr<db::Catalog> real;
  ncps::testing::FaultPlan faults;
  GatedCatalog* slow = nullptr;
  std::shared_ptr<ncps::testing::Gate> gate = std::make_shared<ncps::testing::Gate>();
  testing::Package p = package('a', "contents");
};

TEST_F(HotNarInfos, WhatWasJudgedUnderOldKeysIsGivenToNobodyWhoAsksLater) {
  auto before = get_until_it_is_kept();
  auto key = nix::SecretKey::generate("trusted").value();
  trust.replace({.upstream_keys = {key.public_key()}, .signing_keys = {}});
  parts->narinfos.use({});
  parts->narinfo_routes.forget_all();
  EXPECT_EQ(get(p.narinfo_path()).status, 404u);  // joins nobody
  gate->open();
  EXPECT_EQ(before.get().status, 200u);
  EXPECT_EQ(get(p.narinfo_path()).status, 404u);
}

TEST_F(HotNarInfos, WhatWasBegunBeforeADoubtIsLookedAtAgain) {
  auto before = get_until_it_is_kept();
  auto url =
      nix::NarUrl::parse("nar/" + nix::Hash(crypto::sha256(p.nar)).nix32() + ".nar.zst").value();
  auto none_comes = parts->downloads.try_exclude(url);  // one that comes is in doubt no more
  ASSERT_TRUE(none_comes);
  parts->downloads.doubtful().add(url);
  auto joined = std::async(std::launch::async, [this] { return get(p.narinfo_path()); });
  gate->open();
  EXPECT_EQ(before.get().status, 200u);
  EXPECT_EQ(joined.get().status, 200u);
  EXPECT_EQ(get(p.narinfo_path()).status, 200u);
  EXPECT_EQ(first->calls().narinfos, 2u) << "the doubt was not looked into";
  EXPECT_EQ(how(p.narinfo_path()), "memory");  // and then it is hot
}

TEST_F(HotNarInfos, WhoseNarOnlyItsRowLeadsToIsKeptFirst) {
  faults.fail_always("put_narinfo");
  EXPECT_EQ(get(p.narinfo_path()).status, 200u);
  EXPECT_EQ(how(p.narinfo_path()), "hit");
  faults.heal();
  auto announced = nix::parse_nar_info(get(p.narinfo_path()).body).value().url;
  EXPECT_EQ(get("/" + announced).status, 200u);
  EXPECT_EQ(how(p.narinfo_path()), "memory");
}

}  // namespace
}  // namespace ncps::server
