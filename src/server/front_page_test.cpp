#include "server/front_page.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ncps::server {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kMarkup = "\"'><img src=x onerror=alert(1)></script><!--{{url}}&amp;";

StatusPicture picture() {
  StatusPicture status{.version = "1.2.3"};
  status.upstreams.push_back({.name = "https://far.example",
                              .standing = upstream::Standing::good,
                              .priority = 40,
                              .usual_delay = 25ms});
  status.kept_bytes = 3 << 20;
  status.limit_bytes = 4 << 20;
  status.load.running = 1;
  status.transfers.push_back({.nar = "nar/x.nar.xz",
                              .upstream = "https://far.example",
                              .bytes = 512,
                              .total = 1024,
                              .clients = 2});
  status.since_start = {
      .narinfos = 12'345, .narinfo_hits = 12'344, .nars = 200, .nar_hits = 1, .bytes = 2048};
  status.within.back() = {.nars = 200, .nar_hits = 150};
  return status;
}

FrontPage page_with(std::optional<StatusPicture> status) {
  return {.hostname = "cache.example",
          .url = "http://cache.example:8501",
          .keys = {"cache.example-1:abc="},
          .version = "1.2.3",
          .now = {},
          .status = std::move(status)};
}

bool has(const std::string& page, std::string_view text) {
  return page.find(text) != page.npos;
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(FrontPage, SaysWhatIsKnown) {
  auto html = print_html(page_with(picture()));
  for (auto text : {"<title>cache.example: a cache for Nix</title>",
                    "extra-substituters = http://cache.example:8501\n",
                    "trusted-public-keys = [ &quot;cache.example-1:abc=&quot; ];", ">75\u202f%<",
                    "of 200 NARs", ">3.0 MiB<", "value=\"75\"", "of 4.0 MiB", "https://far.example",
                    "25\u202fms", "512 B of 1.0 KiB", "2 clients", "12\u202f345", "ncps 1.2.3"})
    EXPECT_TRUE(has(html, text)) << text;
  EXPECT_FALSE(has(html, "{{")) << "a value or section that nobody fills or ends";
  EXPECT_FALSE(has(html, "netrc"));
  EXPECT_LT(html.size(), 30u << 10);
}

TEST(FrontPage, AllAndNoneAreSaidOfNothingElse) {
  auto html = print_html(page_with(picture()));
  EXPECT_TRUE(has(html, ">99\u202f%<"));  // 12,344 of 12,345 narinfos
  EXPECT_TRUE(has(html, ">1\u202f%<"));   // 1 of 200 NARs
  EXPECT_FALSE(has(html, ">100\u202f%<"));
}

TEST(FrontPage, WhatNobodyKnowsIsNoNumber) {
  auto html = print_html(page_with(StatusPicture()));
  for (auto text : {"being counted", "no NAR was asked for", "Nothing, at the moment.",
                    "It asks no other cache", "less than a minute"})
    EXPECT_TRUE(has(html, text)) << text;
  EXPECT_FALSE(has(html, "<progress"));
  EXPECT_FALSE(has(html, "nan"));
  auto unlimited = picture();
  unlimited.limit_bytes.reset();
  unlimited.transfers[0].total.reset();
  html = print_html(page_with(unlimited));
  EXPECT_TRUE(has(html, "no limit is set"));
  EXPECT_FALSE(has(html, "<progress"));
}

TEST(FrontPage, WhoMayNotSeeTheStatusSeesNothingOfIt) {
  auto html = print_html(page_with(std::nullopt));
  EXPECT_TRUE(has(html, "shown to administrators only"));
  EXPECT_TRUE(has(html, "cache.example-1:abc="));
  EXPECT_FALSE(has(html, "data-live>"));
  EXPECT_FALSE(has(html, "Upstreams</h2>"));
  EXPECT_FALSE(has(html, "as of"));
}

TEST(FrontPage, ATokenIsAskedForInItsLine) {
  auto page = page_with(std::nullopt);
  page.asks_for_tokens = true;
  EXPECT_TRUE(has(print_html(page), "machine cache.example login anybody password TOKEN\n"));
}

TEST(FrontPage, NoValueIsMarkup) {
  auto status = picture();
  status.upstreams[0].name = kMarkup;
  status.transfers[0].nar = kMarkup;
  status.transfers[0].upstream = kMarkup;
  FrontPage page{.hostname = std::string(kMarkup),
                 .url = std::string(kMarkup),
                 .keys = {std::string(kMarkup)},
                 .asks_for_tokens = true,
                 .version = std::string(kMarkup),
                 .now = {},
                 .status = status};
  page.url.insert(0, "http://x/");
  auto html = print_html(page);
  auto tame = print_html(page_with(picture()));
  EXPECT_FALSE(has(html, "<img"));
  EXPECT_FALSE(has(html, "<!--"));
  EXPECT_EQ(count(html, "</script>"), 1u);
  EXPECT_TRUE(has(html, "&quot;&apos;&gt;&lt;img src=x onerror=alert(1)&gt;"));
  // Nor is it taken for a part of the template.
  EXPECT_TRUE(has(html, "{{url}}&amp;amp;"));
  EXPECT_TRUE(has(tame, "<script>"));
}

TEST(FrontPage, StaysSmallWhateverThereIs) {
  auto status = picture();
  status.upstreams.resize(500, status.upstreams[0]);
  status.transfers.resize(100, status.transfers[0]);
  status.load.running = 164;
  auto html = print_html(page_with(status));
  EXPECT_EQ(count(html, "<code>nar/"), kFrontPageTransfers);
  EXPECT_TRUE(has(html, "And 144 more."));
  EXPECT_TRUE(has(html, "And 460 more."));
  EXPECT_LT(html.size(), 30u << 10);
}

TEST(FrontPage, ItsHeaderLetsNothingButItsOwnScriptRun) {
  EXPECT_TRUE(kFrontPagePolicy.starts_with("default-src 'none'; script-src 'sha256-"));
  for (auto text : {"unsafe", "http:", "*"})
    EXPECT_EQ(kFrontPagePolicy.find(text), kFrontPagePolicy.npos) << text;
}

TEST(FrontPage, TheUrlIsTheOneThatWasAskedIfThatIsOne) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"nix.example:8501", "http://nix.example:8501"},
      {"10.0.0.1", "http://10.0.0.1"},
      {"[::1]:8501", "http://[::1]:8501"},
      {"", "http://cache.example"},
      {":8501", "http://cache.example"},
      {"a/b", "http://cache.example"},
      {"a?b", "http://cache.example"},
      {"user@a", "http://cache.example"},
      {"a\"; evil = \"", "http://cache.example"},
      {"${a}", "http://cache.example"},
      {"<b>", "http://cache.example"},
      {std::string(256, 'a'), "http://cache.example"},
  };
  for (const auto& [host, expected] : cases)
    EXPECT_EQ(asked_url(http::Scheme::http, host, "cache.example"), expected) << host;
  EXPECT_EQ(asked_url(http::Scheme::https, "nix.example", "cache.example"), "https://nix.example");
  EXPECT_EQ(asked_url(http::Scheme::https, "a/b", "cache.example"), "https://cache.example");
}

}  // namespace
}  // namespace ncps::server
