#include "upstream/upstream_url.h"

#include <gtest/gtest.h>

namespace ncps::upstream {
namespace {

UpstreamUrl parsed(std::string_view text) {
  auto url = UpstreamUrl::parse(text);
  if (!url) throw std::runtime_error(std::string(text) + ": " + url.error().what());
  return *url;
}

TEST(UpstreamUrl, ResolvesAgainstEveryFormOfBase) {
  struct Row {
    std::string_view base, url, resolved;
  };
  const Row rows[] = {
      {"https://cache.nixos.org", "x.narinfo", "https://cache.nixos.org/x.narinfo"},
      {"https://cache.nixos.org/", "x.narinfo", "https://cache.nixos.org/x.narinfo"},
      {"https://cache.nixos.org///", "nar/x.nar.xz", "https://cache.nixos.org/nar/x.nar.xz"},
      {"http://host:8080", "x", "http://host:8080/x"},
      {"http://host:8080/a/b", "nar/x.nar", "http://host:8080/a/b/nar/x.nar"},
      {"http://host/a/b/", "x", "http://host/a/b/x"},
      {"http://host/a/b/", "/nar/x", "http://host/nar/x"},
      {"http://host/a/b/", "../x", "http://host/a/b/../x"},
      {"http://[2001:db8::1]:8080/p", "x", "http://[2001:db8::1]:8080/p/x"},
      {"http://[::1]", "x", "http://[::1]/x"},
      {"HTTPS://Host/Path", "x", "https://Host/Path/x"},
      {"hTTp://host", "x", "http://host/x"},
      // What the URL line of a narinfo says in full stays as it is, without our secrets.
      {"https://me:pw@host/p?token=1", "https://cdn.example/x?y", "https://cdn.example/x?y"},
      {"https://host/p", "http://cdn.example/x", "http://cdn.example/x"},
      {"https://me:pw@host/p", "HTTPS://cdn.example/x", "HTTPS://cdn.example/x"},
      // A query of the base goes with what is relative to it.
      {"https://host/p?token=1", "x.narinfo", "https://host/p/x.narinfo?token=1"},
      {"https://host?token=1&b=2", "x.narinfo", "https://host/x.narinfo?token=1&b=2"},
      {"https://host/p?token=1", "/x?sha256=2", "https://host/x?sha256=2&token=1"},
      {"https://host/p?priority=3", "x", "https://host/p/x"},
      {"https://host/p?a=1&priority=3&b=2", "x", "https://host/p/x?a=1&b=2"},
      {"https://host/p?&&a=1&&", "x", "https://host/p/x?a=1"},
      {"https://host/p?my_priority=3", "x", "https://host/p/x?my_priority=3"},
      {"https://host/p?", "x", "https://host/p/x"},
      // Fragments are nobody's business.
      {"https://host/p#frag", "x", "https://host/p/x"},
      {"https://host/p?a=1#priority=x", "x", "https://host/p/x?a=1"},
      {"https://host#?priority=x", "x", "https://host/x"},
      {"https://host", "x#frag", "https://host/x"},
      {"https://host", "http://other/x#frag", "http://other/x"},
      {"https://me:pw@host", "x", "https://me:pw@host/x"},
      {"https://me@host", "x", "https://me@host/x"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(parsed(row.base).resolve(row.url), row.resolved) << row.base << " + " << row.url;
  }
}

TEST(UpstreamUrl, APasswordMayHoldAnAtSign) {
  auto url = parsed("https://me:p@ss@w@host:444/p");
  EXPECT_EQ(url.masked(), "https://host:444/p");
  // Encoded, as curl wants it.
  EXPECT_EQ(url.resolve("x"), "https://me:p%40ss%40w@host:444/p/x");
}

TEST(UpstreamUrl, MaskedShowsNoSecret) {
  struct Row {
    std::string_view text, masked;
  };
  const Row rows[] = {
      {"https://host", "https://host"},
      {"https://host/", "https://host"},
      {"https://me:secret@host/p/", "https://host/p"},
      {"https://secret@host/p", "https://host/p"},
      {"https://:secret@host", "https://host"},
      {"https://me:sec@ret@[::1]:80/p", "https://[::1]:80/p"},
      {"https://me:secret@host?token=secret", "https://host"},
      {"https://me:secret@host/p?priority=1&token=secret#secret", "https://host/p"},
      {"https://host/@scope/p", "https://host/@scope/p"},
      {"HTTPS://me:secret@Host/p", "https://Host/p"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(parsed(row.text).masked(), row.masked) << row.text;
    EXPECT_EQ(masked_url(parsed(row.text).masked()), row.masked) << row.text;
  }
  EXPECT_EQ(masked_url("https://me:secret@host/x?token=secret"), "https://host/x");
  EXPECT_EQ(masked_url("me:secret@host/x"), "host/x");
  EXPECT_EQ(masked_url(""), "");
}

// With an unencoded '/' in it what follows would count as a path, and be shown.
TEST(UpstreamUrl, WhatMayBeTheRestOfAPasswordIsRefused) {
  for (auto text :
       {"https://me:pa@ss/secret@host.example", "https://me:12/secret@host.example",
        "https://host.example/a@secret", "https://me:pa@ss?secret@host.example",
        "https://me:pa@ss#secret@host.example", "https://me:pa@ss/x?secret@host.example"}) {
    auto url = UpstreamUrl::parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_FALSE(url.error().what().contains("secret")) << url.error().what();
  }
  EXPECT_TRUE(UpstreamUrl::parse("https://host.example/@scope?mail=a@b"));
  EXPECT_FALSE(UpstreamUrl::parse(std::string_view("https://ho\0st", 13)));
  EXPECT_TRUE(UpstreamUrl::parse("https://me:pa%40ss%2Fsecret@host.example/a%40b"));
}

TEST(UpstreamUrl, ReadsThePriority) {
  EXPECT_EQ(parsed("https://host").priority(), std::nullopt);
  EXPECT_EQ(parsed("https://host?priority=0").priority(), 0);
  EXPECT_EQ(parsed("https://host/p?priority=65535").priority(), 65535);
  EXPECT_EQ(parsed("https://host/p?a=1&priority=10&b=2").priority(), 10);
  EXPECT_EQ(parsed("https://host/p?my_priority=10").priority(), std::nullopt);
  EXPECT_EQ(parsed("https://host/p#?priority=10").priority(), std::nullopt);
}

TEST(UpstreamUrl, RefusesWhatIsNoUpstreamWithoutRepeatingIt) {
  for (std::string_view text : {
           "",
           "host",
           "//host",
           "ftp://host",
           "file:///secret",
           "s3://secret",
           "https:/host",
           "https:host",
           "https://",
           "https:///p",
           "https://?secret",
           "https://#secret",
           "https://me:secret@",
           "https://me:secret@/p",
           "https://me:secret@:80/p",
           "https://:80",
           " https://host",
           "https://ho st",
           "https://host/p q",
           "https://host\n",
           "https://host/p?a=secret\r\nX: y",
           "https://host/p?a=sec ret",
           "https://host?priority=",
           "https://host?priority=-1",
           "https://host?priority=+1",
           "https://host?priority=65536",
           "https://host?priority=99999999999999999999",
           "https://host?priority=10secret",
           "https://host?priority=1.5",
           "https://host?priority=1&priority=x",
           // A password with an unencoded '/', '?' or '#' ends the host early: what stands there as
           // a port is a piece of the secret.
           "https://me:sec/ret@host/p",
           "https://me:sec?ret@host/p",
           "https://me:sec#ret@host/p",
           "https://host:port",
           "https://host:65536",
           "https://host:-1",
           "https://[::1",
           "https://[::1]x",
           "https://[::1]:x",
           "https://[]",
       }) {
    auto url = UpstreamUrl::parse(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().kind(), ErrorKind::invalid) << text;
    EXPECT_EQ(url.error().what().find("sec"), std::string::npos) << url.error().what();
  }
}

TEST(UpstreamUrl, KnowsWhatLeadsToItsOwnHost) {
  auto base = UpstreamUrl::parse("https://me:secret@Host:8443/p?token=x").value();
  for (auto url : {"nar/x", "/nar/x", "", "https://host:8443", "HTTPS://host:8443/y?z",
                   "https://you@HOST:8443/"}) {
    EXPECT_TRUE(base.same_host(url)) << url;
  }
  for (auto url :
       {"http://host:8443/p", "https://host/p", "https://host:84/p", "https://a.host:8443",
        "https://host:8443.example/", "https://example/host:8443"}) {
    EXPECT_FALSE(base.same_host(url)) << url;
  }
}

TEST(UpstreamUrl, TakesEveryRealPort) {
  for (std::string_view text : {"https://host:1", "https://host:65535", "https://[::1]:443",
                                "https://me:pw@host:8443/p", "https://host:/p"}) {
    EXPECT_TRUE(UpstreamUrl::parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace ncps::upstream
