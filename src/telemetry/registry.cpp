#include "telemetry/registry.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/check.h"

namespace ncps::metrics {

namespace {

bool well_formed(std::string_view name) {
  return !name.empty() && (name.front() < '0' || name.front() > '9') &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == name.npos;
}

// Under `labels`, or, where there are too many already, under "other".
template <class Thing, class Make>
Thing* find_or_make(std::map<Labels, std::unique_ptr<Thing>>& all, Labels labels, Make make) {
  if (!all.contains(labels) && all.size() >= Registry::kMostSamples)
    for (auto& [name, value] : labels) value = "other";
  auto& place = all[std::move(labels)];
  if (!place) place = make();
  return place.get();
}

}  // namespace

std::vector<double> seconds_bounds() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120};
}

Registry::Kept& Registry::kept(State& state, Name name, Type type, std::vector<double> bounds) {
  CHECK(well_formed(name.name));
  CHECK(std::ranges::is_sorted(bounds));
  auto key = name.name;
  auto [at, fresh] = state.kept.try_emplace(std::move(key));
  if (fresh) {
    at->second.name = std::move(name);
    at->second.type = type;
    at->second.bounds = std::move(bounds);
  } else {
    CHECK(at->second.type == type);
    CHECK(type != Type::histogram || at->second.bounds == bounds);
  }
  return at->second;
}

detail::Number* Registry::number(Name name, Type type, Labels labels) {
  for (const auto& [label, value] : labels) CHECK(well_formed(label));
  return state_.with([&](State& s) {
    auto& family = kept(s, std::move(name), type, {});
    auto make = [] { return std::make_unique<detail::Number>(); };
    return find_or_make(family.numbers, std::move(labels), make);
  });
}

Counter Registry::counter(Name name, Labels labels) {
  return Counter(number(std::move(name), Type::counter, std::move(labels)));
}

Gauge Registry::gauge(Name name, Labels labels) {
  return Gauge(number(std::move(name), Type::gauge, std::move(labels)));
}

Histogram Registry::histogram(Name name, std::vector<double> bounds, Labels labels) {
  for (const auto& [label, value] : labels) CHECK(well_formed(label) && label != "le");
  return Histogram(state_.with([&](State& s) {
    auto& family = kept(s, std::move(name), Type::histogram, bounds);
    auto make = [&] { return std::make_unique<detail::Distribution>(bounds); };
    return find_or_make(family.distributions, std::move(labels), make);
  }));
}

Registry::Asked Registry::ask(Name name, Type type, Read read) {
  CHECK(well_formed(name.name) && type != Type::histogram);
  auto question = std::make_shared<Question>(std::move(name), type, std::move(read));
  return Asked(this, state_.with([&](State& s) {
    s.questions.emplace(s.next, std::move(question));
    return s.next++;
  }));
}

Registry::Asked Registry::ask(Name name, Type type, std::function<double()> read) {
  Read all = [read = std::move(read)]() -> std::vector<Sample> {
    Sample one;
    one.value = read();
    return {std::move(one)};
  };
  return ask(std::move(name), type, std::move(all));
}

void Registry::forget(std::uint64_t id) {
  std::lock_guard none_is_asked(asking_);
  state_.with([&](State& s) { s.questions.erase(id); });
}

std::vector<Family> Registry::picture() const {
  std::lock_guard asking(asking_);
  std::map<std::string, Family> families;
  std::vector<std::shared_ptr<Question>> questions;
  state_.with([&](const State& s) {
    for (const auto& [key, one] : s.kept) {
      Family family{.name = one.name, .type = one.type, .bounds = one.bounds, .samples = {}};
      for (const auto& [labels, number] : one.numbers)
        family.samples.push_back(
            {.labels = labels, .value = static_cast<double>(number->sum()), .buckets = {}});
      for (const auto& [labels, distribution] : one.distributions) {
        family.samples.push_back(
            {.labels = labels, .value = distribution->sum(), .buckets = distribution->buckets()});
      }
      families.emplace(key, std::move(family));
    }
    for (const auto& [id, question] : s.questions) questions.push_back(question);
  });
  for (const auto& question : questions) {
    auto [at, fresh] = families.try_emplace(question->name.name);
    if (fresh)
      at->second = {.name = question->name, .type = question->type, .bounds = {}, .samples = {}};
    std::ranges::move(question->read(), std::back_inserter(at->second.samples));
  }
  std::vector<Family> all;
  all.reserve(families.size());
  for (auto& [key, family] : families) all.push_back(std::move(family));
  return all;
}

}  // namespace ncps::metrics
