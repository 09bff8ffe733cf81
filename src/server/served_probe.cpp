#include "server/served_probe.h"

#include <optional>
#include <string>

namespace ncps::server {
namespace {

constexpr std::size_t kNarInfo = 0, kNar = 1;

// As ServedProbe::objects_ has them.
constexpr std::array<std::string_view, 6> kNames{"narinfo", "nar",         "log",
                                                 "listing", "realisation", "debug_info"};
constexpr std::array<std::string_view, 8> kHowNames{"memory",   "hit",  "inflight", "peer",
                                                    "redirect", "miss", "negative", "other"};

std::optional<std::size_t> object_of(const Route& route) {
  if (std::holds_alternative<nix::StorePathHash>(route)) return kNarInfo;
  if (std::holds_alternative<nix::NarUrl>(route)) return kNar;
  const auto* object = std::get_if<nix::ObjectPath>(&route);
  if (object == nullptr) return std::nullopt;
  switch (object->kind()) {
    case nix::ObjectKind::log: return 2;
    case nix::ObjectKind::listing: return 3;
    case nix::ObjectKind::realisation:
    case nix::ObjectKind::build_trace: return 4;
    case nix::ObjectKind::debug_info: return 5;
  }
  return std::nullopt;
}

// Which ways there are to come by it.
bool possible(std::size_t object, std::string_view how) {
  if (how == "hit" || how == "miss" || how == "other") return true;
  if (object == kNarInfo) return how == "memory";
  return object == kNar && (how == "inflight" || how == "peer" || how == "redirect");
}

metrics::Sample in_words_of_go(std::string result, std::string status, std::uint64_t number) {
  return {.labels = {{"result", std::move(result)}, {"status", std::move(status)}},
          .value = static_cast<double>(number),
          .buckets = {}};
}

}  // namespace

ServedProbe::ServedProbe(metrics::Registry& registry) {
  for (std::size_t i = 0; i < kObjects; ++i) {
    auto& object = objects_[i];
    std::string name(kNames[i]);
    for (std::size_t how = 0; how < kHows; ++how) {
      if (!possible(i, kHowNames[how])) continue;
      metrics::Labels labels{{"cache", std::string(kHowNames[how])}, {"object", name}};
      object.served[how] =
          registry.counter({"ncps_served_total",
                            "Answers that gave a client what it asked for, by how we came by it"},
                           labels);
      object.bytes[how] = registry.counter(
          {"ncps_served_bytes_total", "Bytes of these answers' bodies that were sent"}, labels);
    }
    for (bool known : {false, true})
      object.missing[known ? 1 : 0] = registry.counter(
          {"ncps_not_found_total",
           "Answers that nobody has it; cache=\"negative\": no upstream had to be asked"},
          {{"cache", known ? "negative" : "miss"}, {"object", name}});
    object.failed = registry.counter(
        {"ncps_failed_total", "Answers of 500 and above: it could not be found out or fetched"},
        {{"object", name}});
    object.seconds =
        registry.histogram({"ncps_time_to_first_byte_seconds",
                            "From a request's head until its answer can begin, whatever that was"},
                           metrics::seconds_bounds(), {{"object", name}});
  }
}

ServedProbe::How ServedProbe::how_of(std::string_view cache) noexcept {
  for (std::size_t how = 0; how < kHows; ++how)
    if (kHowNames[how] == cache) return static_cast<How>(how);
  return other;
}

void ServedProbe::answered(const Route& route, http::Response& response,
                           double seconds) const noexcept {
  auto which = object_of(route);
  if (!which) return;
  const auto& object = objects_[*which];
  auto how = how_of(response.cache);
  auto status = http::status_of(response);
  object.seconds.observe(seconds);
  if (status >= 500) return object.failed.add();
  if (status == 404) return object.missing[how == negative ? 1 : 0].add();
  if (response.cache.empty() || status >= 400) return;
  if (!possible(*which, kHowNames[how])) how = other;
  object.served[how].add();
  response.sent = object.bytes[how];
}

ServedProbe::Totals ServedProbe::totals() const noexcept {
  const auto& infos = objects_[kNarInfo];
  const auto& nars = objects_[kNar];
  Totals sum;
  sum.narinfo_hits = infos.served[memory].value() + infos.served[hit].value();
  sum.narinfos = sum.narinfo_hits + infos.served[miss].value();
  for (auto how : {hit, inflight, peer, redirect, miss}) {
    sum.nars += nars.served[how].value();
    sum.bytes += nars.bytes[how].value();
  }
  sum.nar_hits = sum.nars - nars.served[miss].value();
  sum.bytes_saved = sum.bytes - nars.bytes[miss].value();
  return sum;
}

std::vector<metrics::Sample> ServedProbe::narinfos_as_in_go() const {
  const auto& of = objects_[kNarInfo];
  auto hits = of.served[memory].value() + of.served[hit].value();
  auto none = of.failed.value() + of.missing[0].value() + of.missing[1].value();
  return {in_words_of_go("hit", "success", hits),
          in_words_of_go("miss", "success", of.served[miss].value()),
          in_words_of_go("miss", "error", none)};
}

std::vector<metrics::Sample> ServedProbe::nars_as_in_go() const {
  const auto& of = objects_[kNar];
  auto hits = of.served[hit].value() + of.served[redirect].value();
  auto shared = of.served[inflight].value() + of.served[peer].value();
  auto none = of.failed.value() + of.missing[0].value() + of.missing[1].value();
  return {in_words_of_go("hit", "success", hits), in_words_of_go("staging", "success", shared),
          in_words_of_go("miss", "success", of.served[miss].value()),
          in_words_of_go("miss", "error", none)};
}

}  // namespace ncps::server
