#include "server/route.h"

#include <gtest/gtest.h>

#include <string>

namespace ncps::server {
namespace {

const std::string kLong = std::string(129, 'x') + ".nar";
const std::string kHash = "26xbg1ndr7hbcncrlf9nhx5is2b25d13";

std::string shown(std::string_view path) {
  auto route = parse_route(path);
  if (auto* which = std::get_if<Fixed>(&route)) return "fixed " + std::to_string(int(*which));
  if (auto* hash = std::get_if<nix::StorePathHash>(&route)) return std::string(hash->str());
  if (auto* url = std::get_if<nix::NarUrl>(&route)) return url->str();
  if (auto* object = std::get_if<nix::ObjectPath>(&route)) return "object " + object->str();
  if (std::holds_alternative<Ready>(route)) return "ready";
  if (auto* peer = std::get_if<PeerNar>(&route)) return "peer " + peer->url.str();
  if (std::holds_alternative<Status>(route)) return "status";
  if (std::holds_alternative<Metrics>(route)) return "metrics";
  if (std::holds_alternative<PinList>(route)) return "pins";
  if (auto* pin = std::get_if<PinOf>(&route)) return "pin " + std::string(pin->hash.str());
  return std::holds_alternative<BadNarName>(route) ? "bad" : "none";
}

TEST(Route, NamesEveryResource) {
  EXPECT_EQ(shown("/"), "fixed 0");
  EXPECT_EQ(shown("/nix-cache-info"), "fixed 1");
  EXPECT_EQ(shown("/pubkey"), "fixed 2");
  EXPECT_EQ(shown("/healthz"), "fixed 3");
  EXPECT_EQ(shown("/readyz"), "ready");
  EXPECT_EQ(shown("/status"), "status");
  EXPECT_EQ(shown("/metrics"), "metrics");
  EXPECT_EQ(shown("/pins"), "pins");
  EXPECT_EQ(shown("/pin/" + kHash + ".narinfo"), "pin " + kHash);
  for (auto other : {"/pins/", "/pin", "/pin/", "/pin/x.narinfo"}) EXPECT_EQ(shown(other), "none");
  EXPECT_EQ(shown("/" + kHash + ".narinfo"), kHash);
  for (std::string name : {"x.nar", "x.nar.xz", "x.nar.zst", "a-b_C9.nar.bz2", "x.nar.none"})
    EXPECT_EQ(shown("/nar/" + name), "nar/" + name);
}

TEST(Route, BetweenInstancesThereAreNarsAndNothingElse) {
  EXPECT_EQ(shown("/peer/nar/x.nar.xz"), "peer nar/x.nar.xz");
  for (std::string path : {"/peer", "/peer/", "/peer/nar/", "/peer/nar/x", "/peer/nar/../x.nar",
                           "/peer/nar/a/x.nar", "/peer/x.nar", "/peer/nix-cache-info"})
    EXPECT_EQ(shown(path), "none") << path;
  EXPECT_TRUE(std::holds_alternative<NoSuchPath>(parse_target("/upload/peer/nar/x.nar.xz").route));
}

TEST(Route, IsDecodedOnce) {
  EXPECT_EQ(shown("/%6e%69x-cache-info"), "fixed 1");
  EXPECT_EQ(shown("//nix-cache-info"), "fixed 1");
  EXPECT_EQ(shown("//"), "fixed 0");
  EXPECT_EQ(shown("/" + kHash + "%2Enarinfo"), kHash);
  EXPECT_EQ(shown("///" + kHash + ".narinfo"), kHash);
  EXPECT_EQ(shown("//nar//x.nar.xz"), "nar/x.nar.xz");
  EXPECT_EQ(shown("/nar%2Fx.nar.xz"), "nar/x.nar.xz");
  EXPECT_EQ(shown("/nar/%78.nar"), "nar/x.nar");
  EXPECT_EQ(shown("/nar/%2578.nar"), "bad");  // "%78.nar" after one decoding
}

TEST(Route, NamesObjectsRawOrEncoded) {
  const std::string sha(64, 'a'), id(40, 'b');
  for (const auto& path :
       {kHash + ".ls", "log/" + kHash + "-hello.drv", "realisations/sha256:" + sha + "!out.doi",
        "build-trace-v2/" + kHash + "-hello.drv/out.doi", "debuginfo/" + id,
        "debuginfo/" + id + ".debug"})
    EXPECT_EQ(shown("/" + path), "object " + path);
  auto log = "object log/" + kHash + "-g++?.drv";
  EXPECT_EQ(shown("/log/" + kHash + "-g%2B%2b%3F.drv"), log);
  EXPECT_EQ(shown("/log/" + kHash + "-g+%2b%3f.drv"), log);
  EXPECT_EQ(shown("//log//" + kHash + "-g++%3f%2edrv"), log);
  EXPECT_EQ(shown("/realisations/sha256%3A" + sha + "%21out.doi"),
            "object realisations/sha256:" + sha + "!out.doi");
  for (const auto& path :
       {"/log/" + kHash + "-g%252B.drv", "/log/../" + kHash + ".ls", "/log/%2e%2e/" + kHash + ".ls",
        "/log/" + kHash + "-a%2Fb.drv", "/log/" + kHash + "-a%00.drv",
        std::string("/log/http:%2f%2f169.254.169.254%2fx.drv"), kHash + ".ls",
        "/x/" + kHash + ".ls"})
    EXPECT_EQ(shown(path), "none") << path;
}

TEST(Route, WhatIsNoNarNameButEndsLikeOneIsSaidToBeBad) {
  for (std::string name :
       {".nar", "x.nar.rar", "x.nar.xz.xz", "a.b.nar", "a b.nar", "x.narinfo", "x.nar%3F", "x.nar?",
        "x.nar%3Fa=b", "x.nar%20", "$x.nar", kLong.c_str()})
    EXPECT_EQ(shown("/nar/" + name), name == "x.narinfo" ? "none" : "bad") << name;
}

TEST(Route, EverythingElseIsNoPath) {
  for (std::string path : {
           std::string(""),
           std::string("nix-cache-info"),
           std::string("*"),
           std::string("/nix-cache-info/"),
           std::string("/NIX-CACHE-INFO"),
           std::string("/healthz2"),
           std::string("/.narinfo"),
           "/" + kHash,
           "/" + kHash + ".narinfo/",
           "/" + kHash + ".narinfo.narinfo",
           "/x/" + kHash + ".narinfo",
           "/nar/" + kHash + ".narinfo",
           "/" + kHash.substr(1) + ".narinfo",
           "/" + kHash + "0.narinfo",
           "/" + std::string(32, 'e') + ".narinfo",
           "/" + std::string(32, 'A') + ".narinfo",
           "/" + std::string(31, 'a') + "%00.narinfo",
           "/" + kHash + ".NARINFO",
           "/../" + kHash + ".narinfo",
           "/x/../" + kHash + ".narinfo",
           "/x/%2e%2e/" + kHash + ".narinfo",
           "/%2e%2e%2f" + kHash + ".narinfo",
           std::string("/./nix-cache-info"),
           std::string("/nar"),
           std::string("/nar/"),
           std::string("/nar/x"),
           std::string("/nar/../nix-cache-info"),
           std::string("/nar/../../etc/passwd"),
           std::string("/nar/..%2f..%2fetc%2fpasswd.nar"),
           std::string("/nar/a/x.nar"),
           std::string("/nar/a%2fx.nar"),
           std::string("/nar/%"),
           std::string("/nar/%zz.nar"),
           std::string("/nar/x%00.nar"),
           std::string("/nar/x%0d%0a.nar"),
           std::string("/nar/\xc3\xa9%2f.nar"),
           std::string("/nar/x.nar/"),
       })
    EXPECT_EQ(shown(path), "none") << path;
}

}  // namespace
}  // namespace ncps::server
