#include "server/object_routes.h"

#include <gtest/gtest.h>

#include "server/testing/router_fixture.h"

namespace ncps::server {
namespace {

using testing::package;
using testing::RouterTest;

const std::string kDrv = "26xbg1ndr7hbcncrlf9nhx5is2b25d13-g++.drv";
const std::string kLog = "/log/" + kDrv;
const std::string kLogUrl = "log/26xbg1ndr7hbcncrlf9nhx5is2b25d13-g%2B%2B.drv";
const std::string kSha(64, 'a');
const std::string kRealisation = "/realisations/sha256:" + kSha + "!out.doi";
const std::string kRealisationUrl = "realisations/sha256:" + kSha + "%21out.doi";

struct RouterObject : RouterTest {};

TEST_F(RouterObject, IsServedWithWhatItIs) {
  start();
  first->put_nar(kLogUrl, "building\n");
  first->put_nar(kRealisationUrl, "{}");
  auto log = get(kLog);
  EXPECT_EQ(log.status, 200u);
  EXPECT_EQ(log.body, "building\n");
  EXPECT_EQ(value_of(log, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(value_of(log, "Content-Length"), "9");
  EXPECT_EQ(value_of(log, "Accept-Ranges"), "bytes");
  EXPECT_EQ(value_of(log, "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_FALSE(log.has("Content-Encoding"));
  auto realisation = get(kRealisation);
  EXPECT_EQ(realisation.status, 200u);
  EXPECT_EQ(realisation.body, "{}");
  EXPECT_EQ(value_of(realisation, "Content-Type"), "application/json");
  EXPECT_EQ(value_of(realisation, "Cache-Control"), "public, max-age=60");
}

TEST_F(RouterObject, EverySpellingIsOneObjectFetchedOnce) {
  start();
  first->put_nar(kLogUrl, "building\n");
  for (auto path : {kLog, std::string("/") + kLogUrl, "//log//" + kDrv, kLog + "?x=y"})
    EXPECT_EQ(get(path).body, "building\n") << path;
  EXPECT_EQ(calls(), 1u);
}

TEST_F(RouterObject, HeadIsGetWithoutBody) {
  start();
  first->put_nar(kLogUrl, "building\n");
  auto head_first = head(kLog);
  auto whole = get(kLog);
  EXPECT_EQ(head_first.status, 200u);
  EXPECT_EQ(head_first.body, "");
  for (auto name : {"Content-Length", "Content-Type", "ETag", "Cache-Control", "Accept-Ranges"})
    EXPECT_EQ(value_of(head_first, name), value_of(whole, name)) << name;
}

TEST_F(RouterObject, ConditionsAndRangesAreHonoured) {
  start();
  first->put_nar(kLogUrl, "building\n");
  auto etag = value_of(get(kLog), "ETag");
  ASSERT_TRUE(etag.starts_with('"') && etag.size() > 10);
  for (auto& condition : {etag, std::string("*"), "\"x\", " + etag}) {
    auto same = get(kLog, "If-None-Match: " + condition + "\r\n");
    EXPECT_EQ(same.status, 304u) << condition;
    EXPECT_EQ(value_of(same, "ETag"), etag);
  }
  EXPECT_EQ(get(kLog, "If-None-Match: \"other\"\r\n").status, 200u);
  auto part = get(kLog, "Range: bytes=2-4\r\nIf-Range: " + etag + "\r\n");
  EXPECT_EQ(part.status, 206u);
  EXPECT_EQ(part.body, "ild");
  EXPECT_EQ(value_of(part, "Content-Range"), "bytes 2-4/9");
  EXPECT_EQ(value_of(part, "ETag"), etag);
  EXPECT_EQ(get(kLog, "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n").body, "building\n");
  auto beyond = get(kLog, "Range: bytes=9-\r\n");
  EXPECT_EQ(beyond.status, 416u);
  EXPECT_EQ(value_of(beyond, "Content-Range"), "bytes */9");
}

TEST_F(RouterObject, TheETagIsOfTheBytesSoOtherBytesOfThatNameHaveAnother) {
  start();
  first->put_nar(kLogUrl, "one");
  auto before = value_of(get(kLog), "ETag");
  stop();
  std::filesystem::remove_all(root.path() / "store" / "log");
  first->put_nar(kLogUrl, "two");
  start();
  EXPECT_NE(value_of(get(kLog), "ETag"), before);
}

TEST_F(RouterObject, AbsentIs404AndTroubleIsNot) {
  start();
  auto absent = get(kLog);
  EXPECT_EQ(absent.status, 404u);
  EXPECT_EQ(value_of(absent, "Cache-Control"), "no-store");
  EXPECT_EQ(head(kLog).status, 404u);
  first->put_nar(kRealisationUrl, "<html>");
  EXPECT_EQ(get(kRealisation).status, 502u);
  second->break_with(Error(ErrorKind::upstream, "down"));
  EXPECT_EQ(get(kLog).status, 502u);
  second->break_with(Error(ErrorKind::timeout, "slow"));
  EXPECT_EQ(get(kLog).status, 504u);
}

TEST_F(RouterObject, SurvivesARestartWithoutItsUpstream) {
  start();
  first->put_nar(kLogUrl, "building\n");
  EXPECT_EQ(how(kLog), "miss");
  auto etag = value_of(get(kLog), "ETag");
  stop();
  first->remove_all();
  first->break_with(Error(ErrorKind::upstream, "gone"));
  start();
  EXPECT_EQ(how(kLog), "hit");
  EXPECT_EQ(value_of(get(kLog), "ETag"), etag);
}

TEST_F(RouterObject, AListingIsMadeOfTheNarThatIsServed) {
  start();
  auto p = package('a', "contents");
  serve(p);
  auto listing = get("/" + std::string(p.hash.str()) + ".ls");
  EXPECT_EQ(listing.status, 200u);
  EXPECT_EQ(value_of(listing, "Content-Type"), "application/json");
  EXPECT_EQ(listing.body, R"({"root":{"narOffset":96,"size":8,"type":"regular"},"version":1})");
  EXPECT_EQ(get("/" + std::string(32, 'b') + ".ls").status, 404u);
}

TEST_F(RouterObject, NoOtherPathReachesAnUpstream) {
  start();
  for (auto path :
       {std::string("/log/"), "/log/" + kDrv + "/", std::string("/log/x.drv"),
        "/log/../nar/" + kDrv, std::string("/log/%2e%2e/secret"),
        std::string("/log/http:%2f%2f127.0.0.1%2f-x.drv"), "/debuginfo/" + std::string(41, 'a'),
        std::string("/realisations/sha256:x!out.doi"), "/build-trace-v2/" + kDrv + "/out"}) {
    EXPECT_EQ(get(path).status, 404u) << path;
    EXPECT_EQ(ask("PUT", path, "Content-Length: 0\r\n").status, 405u) << path;
  }
  EXPECT_EQ(calls(), 0u);
}

}  // namespace
}  // namespace ncps::server
