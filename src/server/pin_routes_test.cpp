#include "server/pin_routes.h"

#include <gtest/gtest.h>

#include "server/testing/router_fixture.h"

namespace ncps::server {
namespace {

using testing::Answer;
using testing::Package;
using testing::package;
using testing::RouterTest;

// Rows that cannot be read or changed.
class BrokenPins final : public db::Pins {
 public:
  Task<std::vector<db::Pin>> list() override { co_return std::unexpected(error()); }
  Task<bool> add(db::Pin) override { co_return std::unexpected(error()); }
  Task<bool> remove(nix::StorePathHash) override { co_return std::unexpected(error()); }

 private:
  static Error error() { return Error(ErrorKind::unavailable, "SELECT secret FROM secret"); }
};

struct RouterPins : RouterTest {
  RouterPins() { write_policy.replace({.put = true}); }

  static std::string path_of(const Package& p) { return "/pin" + p.narinfo_path(); }
  Answer pin(const Package& p) { return ask("POST", path_of(p)); }
  Answer unpin(const Package& p) { return ask("DELETE", path_of(p)); }
  std::string listed() { return get("/pins").body; }
  std::optional<std::string> file(const Package& p) {
    return block_on(runtime, store->find_text(cache::pin_key(p.hash))).value();
  }

  Package one = package('1', "one"), two = package('0', "two");
};

TEST_F(RouterPins, APinIsSetListedAndTakenAway) {
  start();
  serve(one);
  serve(two);
  EXPECT_EQ(listed(), "[]");
  auto first_time = pin(one);
  EXPECT_EQ(first_time.status, 200u);
  EXPECT_EQ(first_time.body, "pinned\n");
  EXPECT_EQ(file(one), "/nix/store/" + std::string(one.hash.str()) + "-x\n");
  auto again = pin(one);
  EXPECT_EQ(again.status, 200u);
  EXPECT_EQ(again.body, "pinned already\n");
  EXPECT_EQ(pin(two).status, 200u);
  auto list = get("/pins");
  EXPECT_EQ(list.status, 200u);
  EXPECT_EQ(value_of(list, "Content-Type"), "application/json");
  EXPECT_EQ(value_of(list, "Cache-Control"), "no-store");
  auto both = "[\"" + std::string(one.hash.str()) + "\",\"" + std::string(two.hash.str()) + "\"]";
  EXPECT_EQ(list.body, both) << "the oldest first";
  auto gone = unpin(one);
  EXPECT_EQ(gone.status, 200u);
  EXPECT_EQ(gone.body, "pinned no longer\n");
  EXPECT_EQ(file(one), std::nullopt);
  EXPECT_EQ(listed(), "[\"" + std::string(two.hash.str()) + "\"]");
  EXPECT_EQ(unpin(one).status, 404u);
}

TEST_F(RouterPins, OnlyWhatSomebodyHasIsPinned) {
  start();
  auto nobody = pin(one);
  EXPECT_EQ(nobody.status, 404u);
  EXPECT_EQ(value_of(nobody, "Cache-Control"), "no-store");
  first->break_with(Error(ErrorKind::upstream, "https://a: answered 500"));
  EXPECT_EQ(pin(two).status, 502u) << "nobody knows, which is not no";
  first->break_with(Error(ErrorKind::timeout, "https://a: no answer"));
  EXPECT_EQ(pin(two).status, 504u);
  EXPECT_EQ(listed(), "[]");
  EXPECT_FALSE(file(one) || file(two));
}

TEST_F(RouterPins, WhatIsHereIsPinnedWithoutItsUpstreamAndItsNarIsNotFetchedForThat) {
  start();
  serve(one);
  EXPECT_EQ(head(one.narinfo_path()).status, 200u);
  first->break_with(Error(ErrorKind::upstream, "gone"));
  EXPECT_EQ(pin(one).status, 200u);
  EXPECT_EQ(first->calls().nars, 0u);
}

TEST_F(RouterPins, OtherMethodsAreRefusedWithThoseThatAreTaken) {
  start();
  serve(one);
  for (auto method : {"GET", "HEAD", "PUT"}) {
    auto answer = ask(method, path_of(one), "Content-Length: 0\r\n");
    EXPECT_EQ(answer.status, 405u) << method;
    EXPECT_EQ(value_of(answer, "Allow"), "POST, DELETE") << method;
  }
  EXPECT_EQ(listed(), "[]");
}

// The policy is asked for each request: a reload changes it.
TEST_F(RouterPins, WhereNothingMayBeSentNothingIsPinned) {
  start();
  serve(one);
  serve(two);
  ASSERT_EQ(pin(one).status, 200u);
  auto before = listed();
  for (WritePolicy policy : {WritePolicy{}, WritePolicy{.remove = true}}) {
    write_policy.replace(policy);
    for (auto method : {"GET", "POST", "DELETE"}) {
      auto answer = ask(method, path_of(std::string_view(method) == "POST" ? two : one));
      EXPECT_EQ(answer.status, 405u) << method;
      EXPECT_TRUE(answer.has("\r\nAllow: \r\n")) << answer.head;
    }
  }
  EXPECT_EQ(listed(), before) << "who may read may see them all the same";
  EXPECT_EQ(first->calls().narinfos, 1u) << "nobody was asked for what may not be pinned";
}

TEST_F(RouterPins, ADatabaseThatFailsIsSaidAndNotShown) {
  pins = std::make_unique<BrokenPins>();
  start();
  serve(one);
  for (const auto& answer : {pin(one), unpin(one), get("/pins")}) {
    EXPECT_EQ(answer.status, 503u);
    EXPECT_NE(value_of(answer, "Retry-After"), "");
    EXPECT_EQ(value_of(answer, "Cache-Control"), "no-store");
    EXPECT_EQ(answer.body.find("secret"), std::string::npos) << answer.body;
  }
}

}  // namespace
}  // namespace ncps::server
