// The text that Prometheus reads, of a picture of our metrics.
//
// Source: Prometheus, "Exposition formats", text-based format 0.0.4; prometheus-cpp writes it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "telemetry/registry.h"

namespace ncps::metrics {

inline constexpr std::string_view kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

// Families without a sample are there with their type and help all the same.
std::string prometheus_text(const std::vector<Family>& families);

}  // namespace ncps::metrics
