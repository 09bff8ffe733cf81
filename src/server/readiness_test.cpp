#include "server/readiness.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ncps::server {
namespace {

TEST(ReadinessTest, OnlyWhatAnotherInstanceMayDoBetterTakesUsOut) {
  struct Row {
    Condition condition;
    unsigned http_status;
    std::string_view status;
  } rows[] = {
      {{.good = 2}, 200, "ok"},
      {{}, 200, "ok"},  // offline: there is no upstream
      {{.good = 1, .doubtful = 1}, 200, "degraded"},
      {{.doubtful = 2}, 200, "degraded"},
      {{.good = 1, .refused = 1}, 200, "degraded"},
      {{.database = false, .good = 2}, 200, "degraded"},
      {{.leases = false, .good = 2}, 200, "degraded"},
      {{.store = false, .good = 2}, 503, "unready"},
      {{.store = false, .database = false}, 503, "unready"},
      {{.draining = true, .good = 2}, 503, "draining"},
      {{.draining = true, .store = false}, 503, "draining"},
  };
  for (const auto& row : rows) {
    auto found = readiness(row.condition);
    EXPECT_EQ(found.http_status, row.http_status) << row.status;
    EXPECT_EQ(found.status, row.status);
    auto report = nlohmann::json::parse(print_readiness(row.condition));
    EXPECT_EQ(report["status"], row.status);
    EXPECT_EQ(report.contains("reason"), row.http_status == 503) << report;
  }
}

}  // namespace
}  // namespace ncps::server
