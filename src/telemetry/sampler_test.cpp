#include "telemetry/sampler.h"

#include <gtest/gtest.h>

namespace ncps::trace {
namespace {

TraceId id_of(std::uint64_t number) {
  TraceId id{1};
  for (std::size_t i = 0; i < 8; ++i) id[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}

TEST(Sampler, TheNamesOfTheStandard) {
  const SpanContext wanted{.trace_id = id_of(1), .span_id = {1}, .sampled = true, .state = {}};
  const SpanContext unwanted{.trace_id = id_of(1), .span_id = {1}, .sampled = false, .state = {}};
  struct Case {
    std::string_view name, argument;
    bool alone, after_wanted, after_unwanted;
  };
  for (const auto& c : {
           Case{"always_on", "", true, true, true},
           Case{"always_off", "", false, false, false},
           Case{"traceidratio", "0", false, false, false},
           Case{"traceidratio", "1", true, true, true},
           Case{"traceidratio", "", true, true, true},
           Case{"parentbased_always_on", "", true, true, false},
           Case{"parentbased_always_off", "", false, true, false},
           Case{"parentbased_traceidratio", "0.0", false, true, false},
           Case{"parentbased_traceidratio", "1.0", true, true, false},
           Case{"always_on", "not looked at", true, true, true},
       }) {
    auto sampler = Sampler::parse(c.name, c.argument);
    ASSERT_TRUE(sampler) << c.name;
    for (auto id : {id_of(1), id_of(~std::uint64_t{0}), id_of(0)}) {
      EXPECT_EQ(sampler->samples(id, nullptr), c.alone) << c.name;
      EXPECT_EQ(sampler->samples(id, &wanted), c.after_wanted) << c.name;
      EXPECT_EQ(sampler->samples(id, &unwanted), c.after_unwanted) << c.name;
    }
  }
}

TEST(Sampler, ARatioIsDecidedByTheId) {
  auto quarter = Sampler::parse("traceidratio", "0.25").value();
  const std::uint64_t edge = std::uint64_t{1} << 62;
  EXPECT_TRUE(quarter.samples(id_of(edge - 1), nullptr));
  EXPECT_FALSE(quarter.samples(id_of(edge), nullptr));
  EXPECT_FALSE(quarter.samples(id_of(~std::uint64_t{0}), nullptr));
}

TEST(Sampler, SaysWhatIsWrong) {
  for (auto name : {"", "jaeger_remote", "ALWAYS_ON", "parentbased_", "parentbased"})
    EXPECT_FALSE(Sampler::parse(name, "")) << name;
  for (auto ratio : {"-0.1", "1.1", "nan", "inf", "half", "0.5x", " 0.5"})
    EXPECT_FALSE(Sampler::parse("traceidratio", ratio)) << ratio;
}

TEST(Sampler, WithoutAWordAllIsRecordedUnlessTheClientSaysNo) {
  EXPECT_EQ(Sampler().name(), "parentbased_always_on");
  EXPECT_TRUE(Sampler().samples(id_of(~std::uint64_t{0}), nullptr));
}

}  // namespace
}  // namespace ncps::trace
