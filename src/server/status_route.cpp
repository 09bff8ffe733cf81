#include "server/status_route.h"

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

json rate(std::uint64_t hits, std::uint64_t all) {
  return all == 0 ? json(nullptr) : json(static_cast<double>(hits) / static_cast<double>(all));
}

json as_json(const ServedHistory::Totals& served) {
  return {{"narinfos", served.narinfos},
          {"narinfo_hits", served.narinfo_hits},
          {"narinfo_hit_rate", rate(served.narinfo_hits, served.narinfos)},
          {"nars", served.nars},
          {"nar_hits", served.nar_hits},
          {"nar_hit_rate", rate(served.nar_hits, served.nars)},
          {"bytes", served.bytes},
          {"bytes_saved", served.bytes_saved},
          {"byte_hit_rate", rate(served.bytes_saved, served.bytes)}};
}

json as_json(const cache::Downloads& downloads) {
  auto load = downloads.load();
  auto transfers = json::array();
  for (const auto& one : downloads.transfers(StatusRoute::kTransfers))
    transfers.push_back({{"nar", one.nar},
                         {"upstream", one.upstream.empty() ? json(nullptr) : json(one.upstream)},
                         {"bytes", one.bytes},
                         {"total_bytes", or_null(one.total)},
                         {"clients", one.clients},
                         {"prefetch", one.prefetch},
                         {"seconds", one.seconds}});
  return {{"running", load.running},
          {"queued_clients", load.queued_clients},
          {"queued_prefetches", load.queued_prefetches},
          {"spooled_bytes", load.spooled},
          {"transfers", std::move(transfers)}};
}

json as_json(const upstream::UpstreamList& upstreams) {
  auto list = json::array();
  for (const auto& one : upstreams)
    list.push_back(
        {{"name", one->name()},
         {"standing", upstream::name_of(one->standing())},
         {"priority", one->priority()},
         {"usual_delay_seconds", std::chrono::duration<double>(one->usual_delay()).count()}});
  return list;
}

}  // namespace

http::Response StatusRoute::answer() const {
  auto now = std::chrono::steady_clock::now();
  auto totals = deps_.served.totals();
  json served = {{"since_start", as_json(totals)}};
  for (std::size_t i = 0; i < ServedHistory::kWindows.size(); ++i) {
    auto window = history_.with([&](const ServedHistory& h) { return h.within(i, now, totals); });
    served[std::string(ServedHistory::kWindows[i].name)] = as_json(window);
  }
  auto counted = deps_.counted();
  json kept = {{"bytes", or_null(deps_.space.kept())},
               {"limit_bytes", or_null(deps_.space.max_size())},
               {"nars", counted ? json(counted->nars) : json(nullptr)},
               {"narinfos", counted ? json(counted->narinfos) : json(nullptr)},
               {"objects", counted ? json(counted->objects) : json(nullptr)}};
  auto started = std::chrono::system_clock::to_time_t(started_);
  json status = {{"version", deps_.version},
                 {"started", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(started))},
                 {"uptime_seconds", std::chrono::duration<double>(now - began_).count()},
                 {"upstreams", as_json(*deps_.upstreams.now())},
                 {"kept", std::move(kept)},
                 {"downloads", as_json(deps_.downloads)},
                 {"served", std::move(served)}};
  http::Response response;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  response.body = status.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
  return response;
}

void StatusRoute::start() {
  group_.spawn(runtime_.next_executor(), "status", look_again_and_again());
}

boost::asio::awaitable<void> StatusRoute::look_again_and_again() {
  while (!stopping_) {
    auto seen = stop_.version();
    auto totals = deps_.served.totals();
    history_.with([&](ServedHistory& h) { h.add(std::chrono::steady_clock::now(), totals); });
    if (stopping_) break;
    co_await stop_.wait_past(seen, Deadline::after(ServedHistory::kWindows[0].step));
  }
}

bool StatusRoute::stop(Deadline deadline) {
  stopping_ = true;
  stop_.notify();
  return group_.join_blocking(deadline);
}

}  // namespace ncps::server
