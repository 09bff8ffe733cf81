// What is counted about one upstream. One that is made without a Registry counts nowhere.
//
// The label `upstream` is its name, a URL without secrets: as many as the options have, and had since
// the start.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "rt/byte_source.h"
#include "telemetry/registry.h"

namespace ncps::upstream {

class UpstreamProbe {
 public:
  UpstreamProbe() = default;
  UpstreamProbe(metrics::Registry& registry, const std::string& name);

  // What an attempt was answered.
  enum class Answer : std::uint8_t { found, missing, refused, failed, unreachable, unknown };

  // One attempt has had its answer, a head and, of a small document, its body, after so many seconds.
  // Probes of ours included.
  void answered(Answer answer, double seconds) const noexcept;

  // A body that is counted as it is read.
  std::unique_ptr<ByteSource> counted(std::unique_ptr<ByteSource> body) const;

  metrics::Histogram narinfo_seconds;  // a narinfo or that there is none, retries included
  metrics::Counter received_bytes;     // of bodies
  metrics::Counter retries;

 private:
  static constexpr std::size_t kAnswers = 6;
  std::array<metrics::Counter, kAnswers> answers_;
  metrics::Histogram seconds_;
};

}  // namespace ncps::upstream
