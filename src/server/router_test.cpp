#include "server/router.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "nix/nar_info.h"
#include "server/testing/router_fixture.h"

namespace ncps::server {
namespace {

using testing::package;
using testing::RawClient;
using testing::RouterTest;

struct RouterFixed : RouterTest {};
struct RouterNarInfo : RouterTest {};
struct RouterNar : RouterTest {};

TEST_F(RouterFixed, AnswersGetAndHeadAlike) {
  start();
  auto info = get("/nix-cache-info");
  EXPECT_EQ(info.status, 200u);
  EXPECT_EQ(info.body, "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 10");
  EXPECT_EQ(value_of(info, "Content-Type"), "text/x-nix-cache-info");
  EXPECT_EQ(get("/pubkey").body, key.public_key().str());
  EXPECT_EQ(get("/healthz").body, ".");
  auto root = nlohmann::json::parse(get("/").body);
  EXPECT_EQ(root["hostname"], "cache.example");
  EXPECT_EQ(root["publicKey"], key.public_key().str());

  for (auto path : {"/", "/nix-cache-info", "/pubkey", "/healthz", "/nix-cache-info?x=y"}) {
    auto with_body = get(path);
    auto without = head(path);
    EXPECT_EQ(without.status, 200u) << path;
    EXPECT_EQ(value_of(without, "Content-Length"), std::to_string(with_body.body.size())) << path;
    EXPECT_FALSE(with_body.has("Content-Encoding"));
  }
  EXPECT_EQ(calls(), 0u);
}

TEST_F(RouterFixed, WithoutAPageBrowsersGetWhatEverybodyGets) {
  start();
  auto answer = get("/", "Accept: text/html\r\n");
  EXPECT_EQ(value_of(answer, "Content-Type"), "application/json");
  EXPECT_EQ(value_of(answer, "Vary"), "Accept");
}

TEST_F(RouterFixed, ReadyzSaysHowWeAre) {
  start();
  auto answer = get("/readyz");
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(value_of(answer, "Content-Type"), "application/json");
  EXPECT_EQ(value_of(answer, "Cache-Control"), "no-store");
  auto report = nlohmann::json::parse(answer.body);
  EXPECT_EQ(report["status"], "ok");
  EXPECT_EQ(report["database"], "ok");
  EXPECT_EQ(report["upstreams"]["good"], 2);
  EXPECT_EQ(head("/readyz").status, 200u);
}

TEST_F(RouterFixed, WhoIsAboutToStopSaysSoAndServesAsEver) {
  start();
  auto p = package('a', "contents");
  serve(p);
  parts->ready.drain();
  auto answer = get("/readyz");
  EXPECT_EQ(answer.status, 503u);
  auto report = nlohmann::json::parse(answer.body);
  EXPECT_EQ(report["status"], "draining");
  EXPECT_EQ(head("/readyz").status, 503u);
  EXPECT_EQ(get("/healthz").status, 200u);
  for (auto path : {p.narinfo_path(), p.nar_path()}) EXPECT_EQ(get(path).status, 200u);
}

TEST_F(RouterFixed, WhoCannotReadItsStoreIsNotReady) {
  start();
  ASSERT_EQ(get("/readyz").status, 200u);
  std::filesystem::remove_all(root.path() / "store");  // as where nothing is mounted
  auto answer = get("/readyz");
  while (answer.status == 200) answer = get("/readyz");  // what was seen holds for a moment
  EXPECT_EQ(answer.status, 503u);
  auto report = nlohmann::json::parse(answer.body);
  EXPECT_EQ(report["status"], "unready");
  EXPECT_EQ(report["store"], "does not answer");
  EXPECT_FALSE(answer.body.contains(root.path().native())) << answer.body;
  EXPECT_EQ(get("/healthz").status, 200u);
}

TEST_F(RouterFixed, OtherMethodsAreRefusedEverywhere) {
  start();
  auto p = package('a', "x");
  serve(p);
  for (auto method : {"PUT", "POST", "DELETE", "PATCH", "OPTIONS", "get"})
    for (auto path : {std::string("/"), std::string("/nix-cache-info"), p.narinfo_path(),
                      p.nar_path(), std::string("/no/such/path")}) {
      auto answer = ask(method, path, "Content-Length: 0\r\n");
      EXPECT_EQ(answer.status, 405u) << method << " " << path;
      EXPECT_EQ(value_of(answer, "Allow"), "GET, HEAD") << method << " " << path;
    }
  EXPECT_EQ(calls(), 0u);
}

TEST_F(RouterFixed, WhatIsMalformedReachesNoUpstream) {
  start();
  std::string hash(32, 'a');
  for (auto path :
       {std::string("/favicon.ico"), "/" + hash, "/" + hash + "a.narinfo", "/a" + hash + ".narinfo",
        "/" + std::string(32, 'e') + ".narinfo", "/" + std::string(32, 'A') + ".narinfo",
        "/x/" + hash + ".narinfo", "/../" + hash + ".narinfo", "/%2e%2e/" + hash + ".narinfo",
        "/" + hash + ".narinfo/", "/" + hash + "%00.narinfo", std::string("/nar/"),
        std::string("/nar/../nix-cache-info"), std::string("/nar/..%2f..%2fetc%2fpasswd"),
        std::string("/nar/%zz.nar"), std::string("/nar/a/x.nar")}) {
    auto answer = get(path);
    EXPECT_EQ(answer.status, 404u) << path;
    EXPECT_EQ(value_of(answer, "Cache-Control"), "no-store") << path;
    EXPECT_EQ(head(path).status, 404u) << path;
  }
  for (auto path : {"/nar/x.nar.rar", "/nar/.nar", "/nar/x.nar%3Fa=b", "/nar/a.b.nar"})
    EXPECT_EQ(get(path).status, 400u) << path;
  EXPECT_EQ(calls(), 0u);
}

TEST_F(RouterNarInfo, IsFetchedOnceAndThenServedFromMemory) {
  start();
  auto p = package('a', "contents");
  serve(p);
  auto cold = get(p.narinfo_path());
  EXPECT_EQ(cold.status, 200u);
  EXPECT_EQ(value_of(cold, "Content-Type"), "text/x-nix-narinfo");
  auto info = nix::parse_nar_info(cold.body);
  ASSERT_TRUE(info.has_value()) << cold.body;
  EXPECT_EQ(info->url, p.nar_url + ".zst");  // compressed by us
  EXPECT_TRUE(nix::signed_by_any(nix::fingerprint(*info), info->signatures, {key.public_key()}));

  for (int i = 0; i < 3; ++i) {
    auto hot = get(p.narinfo_path());
    EXPECT_EQ(hot.body, cold.body);
    EXPECT_EQ(value_of(hot, "ETag"), value_of(cold, "ETag"));
  }
  EXPECT_EQ(how(p.narinfo_path()), "memory");
  EXPECT_EQ(first->calls().narinfos, 1u);
  EXPECT_EQ(second->calls().all(), 0u);
}

TEST_F(RouterNarInfo, EverySpellingOfItsPathIsTheSame) {
  start();
  auto p = package('a', "contents");
  serve(p);
  auto body = get(p.narinfo_path()).body;
  for (auto path : {"/" + p.narinfo_path(), p.narinfo_path() + "?x=y",
                    "/%61" + std::string(31, 'a') + ".narinfo"})
    EXPECT_EQ(get(path).body, body) << path;
  EXPECT_EQ(first->calls().narinfos, 1u);
}

TEST_F(RouterNarInfo, SurvivesARestartWithoutItsUpstream) {
  start();
  auto p = package('a', "contents");
  serve(p);
  EXPECT_EQ(how(p.narinfo_path()), "miss");
  auto before = get(p.narinfo_path());
  stop();
  first->remove_all();
  first->break_with(Error(ErrorKind::upstream, "gone"));
  start();
  auto asked = calls();
  EXPECT_EQ(how(p.narinfo_path()), "hit");
  EXPECT_EQ(get(p.narinfo_path()).body, before.body);
  EXPECT_EQ(first->calls().narinfos, 1u);
  EXPECT_EQ(calls(), asked);
}

TEST_F(RouterNarInfo, HeadIsGetWithoutBody) {
  start();
  auto p = package('a', "contents");
  serve(p);
  auto cold = head(p.narinfo_path());
  EXPECT_EQ(cold.status, 200u);
  auto hot = head(p.narinfo_path());
  auto whole = get(p.narinfo_path());
  for (auto name : {"Content-Length", "ETag", "Content-Type"}) {
    EXPECT_NE(value_of(whole, name), "") << name;
    EXPECT_EQ(value_of(cold, name), value_of(whole, name)) << name;
    EXPECT_EQ(value_of(hot, name), value_of(whole, name)) << name;
  }
}

TEST_F(RouterNarInfo, HeadFetchesNoNarButTheGetAfterItDoes) {
  for (bool then_get : {false, true}) {
    start();
    auto p = package(then_get ? 'a' : 'b', "contents");
    serve(p);
    EXPECT_EQ(head(p.narinfo_path()).status, 200u);
    EXPECT_EQ(head(p.narinfo_path()).status, 200u);
    if (then_get) EXPECT_EQ(get(p.narinfo_path()).status, 200u);
    stop();  // waits for every download
    EXPECT_EQ(first->calls().nars, then_get ? 1u : 0u);
  }
}

TEST_F(RouterNarInfo, IsNotSentAgainToWhomeverHasIt) {
  start();
  auto p = package('a', "contents");
  serve(p);
  auto etag = value_of(get(p.narinfo_path()), "ETag");
  ASSERT_NE(etag, "");
  for (bool cold : {false, true}) {
    if (cold) {
      stop();
      start();
    }
    for (auto known : {etag, "W/" + etag, "\"x\", " + etag, std::string("*")}) {
      auto answer = get(p.narinfo_path(), "If-None-Match: " + known + "\r\n");
      EXPECT_EQ(answer.status, 304u) << known;
      EXPECT_EQ(value_of(answer, "ETag"), etag) << known;
      EXPECT_FALSE(answer.has("Content-Length"));
    }
    EXPECT_EQ(get(p.narinfo_path(), "If-None-Match: \"other\"\r\n").status, 200u);
  }
}

TEST_F(RouterNar, IsFetchedKeptAndServedAgain) {
  start();
  auto p = package('a', std::string(300'000, 'n'));
  serve(p);
  ASSERT_EQ(head(p.narinfo_path()).status, 200u);
  auto cold = get(p.nar_path());
  EXPECT_EQ(cold.status, 200u);
  EXPECT_TRUE(cold.complete && cold.body == p.nar);
  EXPECT_EQ(value_of(cold, "Content-Type"), "application/x-nix-nar");
  EXPECT_EQ(value_of(cold, "Content-Length"), std::to_string(p.nar.size()));
  EXPECT_EQ(value_of(cold, "Accept-Ranges"), "bytes");
  EXPECT_NE(value_of(cold, "ETag"), "");
  stop();  // waits until it is at rest
  start();
  auto asked = calls();
  auto hot = get(p.nar_path());
  EXPECT_TRUE(hot.body == p.nar);
  EXPECT_EQ(value_of(hot, "ETag"), value_of(cold, "ETag"));
  EXPECT_TRUE(get(p.nar_path() + "?hash=abc").body == p.nar);
  EXPECT_TRUE(get("/" + p.nar_path()).body == p.nar);
  EXPECT_EQ(how(p.nar_path()), "hit");
  EXPECT_EQ(calls(), asked);
  EXPECT_EQ(first->calls().nars, 1u);
}

TEST_F(RouterNar, HeadTellsTheSizeWithoutFetching) {
  start();
  auto p = package('a', "contents");
  serve(p);
  auto cold = head(p.nar_path());  // its name is its hash
  EXPECT_EQ(cold.status, 200u);
  EXPECT_EQ(value_of(cold, "Content-Length"), std::to_string(p.nar.size()));
  EXPECT_EQ(first->calls().heads, 1u);
  EXPECT_EQ(first->calls().nars, 0u);
  ASSERT_TRUE(get(p.nar_path()).complete);
  stop();
  start();
  auto hot = head(p.nar_path());
  EXPECT_EQ(value_of(hot, "Content-Length"), std::to_string(p.nar.size()));
  EXPECT_EQ(value_of(hot, "ETag"), value_of(cold, "ETag"));
  EXPECT_EQ(first->calls().heads, 1u);
}

TEST_F(RouterNar, PartsFitTheWholeColdAndHot) {
  start();
  std::string contents;
  for (int i = 0; i < 40'000; ++i) contents += std::to_string(i);
  auto p = package('a', contents);
  serve(p);
  auto size = p.nar.size();
  auto n = std::to_string(size);
  struct Row {
    std::string range;
    unsigned status;
    std::size_t first, length;
  };
  const Row rows[] = {{"bytes=0-", 206, 0, size},
                      {"bytes=100-", 206, 100, size - 100},
                      {"bytes=5-9", 206, 5, 5},
                      {"bytes=-7", 206, size - 7, 7},
                      {"bytes=" + std::to_string(size - 1) + "-", 206, size - 1, 1},
                      {"bytes=1-2,5-6", 200, 0, size},
                      {"lines=1-2", 200, 0, size}};
  for (bool cold : {true, false}) {
    if (!cold) {
      stop();
      start();
    }
    for (const auto& [range, status, begin, length] : rows) {
      auto answer = get(p.nar_path(), "Range: " + range + "\r\n");
      ASSERT_EQ(answer.status, status) << range;
      EXPECT_TRUE(answer.complete && answer.body == p.nar.substr(begin, length)) << range;
      if (status == 206)
        EXPECT_EQ(
            value_of(answer, "Content-Range"),
            "bytes " + std::to_string(begin) + "-" + std::to_string(begin + length - 1) + "/" + n);
    }
    for (auto range : {"bytes=" + n + "-", std::string("bytes=-0")}) {
      auto beyond = get(p.nar_path(), "Range: " + range + "\r\n");
      EXPECT_EQ(beyond.status, 416u) << range;
      EXPECT_EQ(value_of(beyond, "Content-Range"), "bytes */" + n) << range;
    }
  }
}

TEST_F(RouterNar, ConditionsAreHeeded) {
  start();
  auto p = package('a', "contents");
  serve(p);
  auto etag = value_of(get(p.nar_path()), "ETag");
  auto part = get(p.nar_path(), "Range: bytes=8-\r\nIf-Range: " + etag + "\r\n");
  EXPECT_EQ(part.status, 206u);
  EXPECT_EQ(value_of(part, "ETag"), etag);
  EXPECT_EQ(get(p.nar_path(), "Range: bytes=8-\r\nIf-Range: \"other\"\r\n").status, 200u);
  for (auto method : {"GET", "HEAD"}) {
    auto known = ask(method, p.nar_path(), "If-None-Match: " + etag + "\r\n");
    EXPECT_EQ(known.status, 304u) << method;
    EXPECT_EQ(value_of(known, "ETag"), etag) << method;
    EXPECT_EQ(ask(method, p.nar_path(), "If-None-Match: *\r\n").status, 304u) << method;
    EXPECT_EQ(ask(method, p.nar_path(), "If-None-Match: \"x\"\r\n").status, 200u) << method;
  }
}

TEST_F(RouterNar, AnyVersionOfWhatNobodyHasIsNotThere) {
  start();
  auto p = package('a', "contents");
  for (auto method : {"GET", "HEAD"})
    EXPECT_EQ(ask(method, p.nar_path(), "If-None-Match: *\r\n").status, 404u) << method;
}

}  // namespace
}  // namespace ncps::server
