#include "server/status_picture.h"

#include <fmt/chrono.h>

#include <nlohmann/json.hpp>

#include "upstream/standing_name.h"

namespace ncps::server {
namespace {

using nlohmann::json;

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json as_json(const ServedProbe::Totals& served) {
  return {{"narinfos", served.narinfos},
          {"narinfo_hits", served.narinfo_hits},
          {"narinfo_hit_rate", or_null(hit_rate(served.narinfo_hits, served.narinfos))},
          {"nars", served.nars},
          {"nar_hits", served.nar_hits},
          {"nar_hit_rate", or_null(hit_rate(served.nar_hits, served.nars))},
          {"bytes", served.bytes},
          {"bytes_saved", served.bytes_saved},
          {"byte_hit_rate", or_null(hit_rate(served.bytes_saved, served.bytes))}};
}

json downloads_of(const StatusPicture& picture) {
  auto transfers = json::array();
  for (const auto& one : picture.transfers)
    transfers.push_back({{"nar", one.nar},
                         {"upstream", one.upstream.empty() ? json(nullptr) : json(one.upstream)},
                         {"bytes", one.bytes},
                         {"total_bytes", or_null(one.total)},
                         {"clients", one.clients},
                         {"prefetch", one.prefetch},
                         {"seconds", one.seconds}});
  return {{"running", picture.load.running},
          {"queued_clients", picture.load.queued_clients},
          {"queued_prefetches", picture.load.queued_prefetches},
          {"spooled_bytes", picture.load.spooled},
          {"transfers", std::move(transfers)}};
}

json kept_of(const StatusPicture& picture) {
  const auto& counted = picture.counted;
  return {{"bytes", or_null(picture.kept_bytes)},
          {"limit_bytes", or_null(picture.limit_bytes)},
          {"nars", counted ? json(counted->nars) : json(nullptr)},
          {"narinfos", counted ? json(counted->narinfos) : json(nullptr)},
          {"objects", counted ? json(counted->objects) : json(nullptr)}};
}

}  // namespace

std::optional<double> hit_rate(std::uint64_t hits, std::uint64_t all) {
  if (all == 0) return std::nullopt;
  return static_cast<double>(hits) / static_cast<double>(all);
}

std::string print_json(const StatusPicture& picture) {
  json served = {{"since_start", as_json(picture.since_start)}};
  for (std::size_t i = 0; i < ServedHistory::kWindows.size(); ++i)
    served[std::string(ServedHistory::kWindows[i].name)] = as_json(picture.within[i]);
  auto upstreams = json::array();
  for (const auto& one : picture.upstreams)
    upstreams.push_back({{"name", one.name},
                         {"standing", upstream::name_of(one.standing)},
                         {"priority", one.priority},
                         {"usual_delay_seconds", one.usual_delay.count()}});
  json status = {{"version", picture.version},
                 {"started", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", picture.started)},
                 {"uptime_seconds", picture.uptime.count()},
                 {"upstreams", std::move(upstreams)},
                 {"kept", kept_of(picture)},
                 {"downloads", downloads_of(picture)},
                 {"served", std::move(served)}};
  return status.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace ncps::server
