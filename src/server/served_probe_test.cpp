#include "server/served_probe.h"

#include <gtest/gtest.h>

#include <map>

namespace ncps::server {
namespace {

struct ServedProbeTest : ::testing::Test {
  metrics::Registry registry;
  ServedProbe probe{registry};
  Route narinfo = parse_route("/26xbg1ndr7hbcncrlf9nhx5is2b25d13.narinfo");
  Route nar = parse_route("/nar/x.nar.xz");

  void answer(const Route& route, unsigned status, std::string_view cache,
              std::uint64_t bytes = 0) {
    http::Response response;
    response.status = status;
    response.cache = cache;
    probe.answered(route, response, 0.01);
    response.sent.add(bytes);  // as the session does
  }
  double value(std::string_view name, const metrics::Labels& labels) const {
    for (const auto& family : registry.picture())
      for (const auto& sample : family.samples)
        if (family.name.name == name && sample.labels == labels) return sample.value;
    ADD_FAILURE() << name;
    return -1;
  }
  static std::map<std::string, double> by_result(const std::vector<metrics::Sample>& samples) {
    std::map<std::string, double> out;
    for (const auto& one : samples)
      out[one.labels[0].second + " " + one.labels[1].second] = one.value;
    return out;
  }
};

TEST_F(ServedProbeTest, CountsByObjectAndHow) {
  answer(narinfo, 200, "memory");
  answer(narinfo, 304, "hit");
  answer(narinfo, 200, "miss");
  answer(narinfo, 404, "miss");
  answer(narinfo, 404, "negative");
  answer(narinfo, 502, "");
  answer(nar, 200, "hit", 100);
  answer(nar, 206, "inflight", 10);
  answer(nar, 307, "redirect");
  answer(nar, 200, "miss", 1);
  answer(nar, 200, "", 0);  // only its head was asked for
  answer(nar, 416, "");
  EXPECT_EQ(value("ncps_served_total", {{"cache", "memory"}, {"object", "narinfo"}}), 1);
  EXPECT_EQ(value("ncps_served_bytes_total", {{"cache", "hit"}, {"object", "nar"}}), 100);
  EXPECT_EQ(value("ncps_served_bytes_total", {{"cache", "inflight"}, {"object", "nar"}}), 10);
  EXPECT_EQ(value("ncps_not_found_total", {{"cache", "miss"}, {"object", "narinfo"}}), 1);
  EXPECT_EQ(value("ncps_not_found_total", {{"cache", "negative"}, {"object", "narinfo"}}), 1);
  EXPECT_EQ(value("ncps_failed_total", {{"object", "narinfo"}}), 1);
  auto totals = probe.totals();
  EXPECT_EQ(totals.narinfos, 3u);
  EXPECT_EQ(totals.narinfo_hits, 2u);
  EXPECT_EQ(totals.nars, 4u);
  EXPECT_EQ(totals.nar_hits, 3u);
  EXPECT_EQ(totals.bytes, 111u);
  EXPECT_EQ(totals.bytes_saved, 110u);
  EXPECT_EQ(
      by_result(probe.narinfos_as_in_go()),
      (std::map<std::string, double>{{"hit success", 2}, {"miss success", 1}, {"miss error", 3}}));
  EXPECT_EQ(
      by_result(probe.nars_as_in_go()),
      (std::map<std::string, double>{
          {"hit success", 2}, {"staging success", 1}, {"miss success", 1}, {"miss error", 0}}));
}

// A word that somebody adds later is seen, and no label of a client's making appears.
TEST_F(ServedProbeTest, WhatNobodyKnowsIsOther) {
  answer(nar, 200, "from the moon", 5);
  EXPECT_EQ(value("ncps_served_total", {{"cache", "other"}, {"object", "nar"}}), 1);
  answer(narinfo, 200, "inflight");
  EXPECT_EQ(value("ncps_served_total", {{"cache", "other"}, {"object", "narinfo"}}), 1);
}

TEST_F(ServedProbeTest, WithoutARegistryNothingIsCounted) {
  ServedProbe nobody;
  http::Response response;
  response.cache = "hit";
  nobody.answered(nar, response, 1);
  EXPECT_EQ(nobody.totals().nars, 0u);
}

}  // namespace
}  // namespace ncps::server
