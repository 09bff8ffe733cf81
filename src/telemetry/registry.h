// Registry: all that is counted in this process, and a picture of it.
//
// Labels are given where a handle is made and must come from a bounded set: from our own words or from
// the options, never from a request. Source of the names' rules: Prometheus, "Metric and label naming".
// Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "telemetry/metrics.h"

namespace ncps::metrics {

enum class Type : std::uint8_t { counter, gauge, histogram };

using Labels = std::vector<std::pair<std::string, std::string>>;  // in the order of their names

struct Name {
  std::string name;
  std::string help;  // one sentence, without a full stop
};

struct Sample {
  Labels labels;
  double value = 0;                    // of a counter or gauge; of a histogram its sum
  std::vector<std::uint64_t> buckets;  // of a histogram: cumulative, one for each bound, then all
};

struct Family {
  Name name;
  Type type;
  std::vector<double> bounds;  // of a histogram: upper, ascending
  std::vector<Sample> samples;
};

class Registry {
 public:
  // Of one name so many label sets; further ones count together, under labels that say "other".
  static constexpr std::size_t kMostSamples = 500;

  Registry() = default;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // The same name and labels give the same counter. It is in the picture from now on, with 0.
  // REQUIRES: one name has always the same type, bounds and names of labels, and follows the rules.
  Counter counter(Name name, Labels labels = {});
  Gauge gauge(Name name, Labels labels = {});
  Histogram histogram(Name name, std::vector<double> bounds, Labels labels = {});

  // Values that somebody else knows. `read` is called for each picture, from any thread; it must not
  // block, nor use this Registry, and must be good until the Asked is gone. It may leave out what nobody
  // knows, and several may answer for one name, with other labels. A counter that is asked for must
  // never go down.
  class Asked {
   public:
    Asked() = default;
    Asked(Asked&& other) noexcept : of_(std::exchange(other.of_, nullptr)), id_(other.id_) {}
    Asked& operator=(Asked&& other) noexcept {
      std::swap(of_, other.of_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~Asked() {
      if (of_ != nullptr) of_->forget(id_);
    }

   private:
    friend class Registry;
    Asked(Registry* of, std::uint64_t id) : of_(of), id_(id) {}
    Registry* of_ = nullptr;
    std::uint64_t id_ = 0;
  };
  using Read = std::function<std::vector<Sample>()>;
  [[nodiscard]] Asked ask(Name name, Type type, Read read);
  // The same for one value.
  [[nodiscard]] Asked ask(Name name, Type type, std::function<double()> read);

  // In the order of their names. Takes about a microsecond for each sample, beside what `read`s take.
  std::vector<Family> picture() const;

 private:
  struct Kept {
    Name name;
    Type type;
    std::vector<double> bounds;
    std::map<Labels, std::unique_ptr<detail::Number>> numbers;
    std::map<Labels, std::unique_ptr<detail::Distribution>> distributions;
  };
  struct Question {
    Name name;
    Type type;
    Read read;
  };
  struct State {
    std::map<std::string, Kept> kept;
    std::map<std::uint64_t, std::shared_ptr<Question>> questions;
    std::uint64_t next = 1;
  };

  detail::Number* number(Name name, Type type, Labels labels);
  static Kept& kept(State& state, Name name, Type type, std::vector<double> bounds);
  void forget(std::uint64_t id);

  Guarded<State> state_;
  mutable std::mutex asking_;  // held while `read`s run, so that forget() waits for them
};

}  // namespace ncps::metrics
