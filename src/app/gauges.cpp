#include "app/gauges.h"

#include <map>
#include <string>

#include "config/version.h"
#include "telemetry/log.h"
#include "upstream/standing_name.h"

namespace ncps::app {
namespace {

using metrics::Labels;
using metrics::Registry;
using metrics::Sample;
using metrics::Type;
using Samples = std::vector<Sample>;

template <class Number>
Sample sample(Number value, Labels labels = {}) {
  return {.labels = std::move(labels), .value = static_cast<double>(value), .buckets = {}};
}

// What nobody knows yet is left out.
template <class Number>
Samples if_known(const std::optional<Number>& value) {
  return value ? Samples{sample(*value)} : Samples();
}

class Asking {
 public:
  explicit Asking(Registry& registry) : registry_(registry) {}

  void many(const char* name, const char* help, Type type, Registry::Read read) {
    asked_.push_back(registry_.ask({name, help}, type, std::move(read)));
  }
  void one(const char* name, const char* help, Type type, std::function<double()> read) {
    asked_.push_back(registry_.ask({name, help}, type, std::move(read)));
  }
  std::vector<Registry::Asked> take() { return std::move(asked_); }

 private:
  Registry& registry_;
  std::vector<Registry::Asked> asked_;
};

void ask_space(Asking& ask, const MeasuredParts& parts) {
  const auto& space = parts.space;
  const auto& evictor = parts.evictor;
  ask.many("ncps_store_total_size_bytes", "Bytes that are kept; absent until they are counted once",
           Type::gauge, [&] { return if_known(space.kept()); });
  ask.one("ncps_cache_max_size_bytes", "How much may be kept; 0: no limit", Type::gauge,
          [&] { return static_cast<double>(space.max_size().value_or(0)); });
  ask.many("ncps_cache_utilization_ratio", "How full the cache is; 0 without a limit", Type::gauge,
           [&]() -> Samples {
             auto kept = space.kept(), limit = space.max_size();
             if (!limit) return {sample(0)};
             if (!kept) return {};
             return {sample(static_cast<double>(*kept) / static_cast<double>(*limit))};
           });
  ask.one("ncps_space_waiting_bytes", "Bytes that have come and wait for room to be kept",
          Type::gauge, [&] { return static_cast<double>(space.waiting()); });
  auto count = [&](const char* name, const char* help, std::uint64_t db::KeptTotals::* which) {
    ask.many(name, help, Type::gauge, [&evictor, which]() -> Samples {
      auto counted = evictor.counted();
      return counted ? Samples{sample((*counted).*which)} : Samples();
    });
  };
  count("ncps_narinfo_count", "Narinfos that are kept, as of the last count (10 minutes at most)",
        &db::KeptTotals::narinfos);
  count("ncps_nar_file_count", "NARs that are kept, as of the last count", &db::KeptTotals::nars);
  count("ncps_object_count", "Logs, listings and the like that are kept, as of the last count",
        &db::KeptTotals::objects);
  ask.one("ncps_local_copies_bytes", "Bytes of local copies of NARs in a bucket", Type::gauge,
          [&store = parts.store] { return static_cast<double>(store.local_copies()); });
}

void ask_work(Asking& ask, const MeasuredParts& parts) {
  const auto& downloads = parts.downloads;
  ask.one("ncps_downloads_in_flight", "Downloads of NARs that run", Type::gauge,
          [&] { return static_cast<double>(downloads.load().running); });
  ask.many("ncps_downloads_queued", "Downloads that wait for their turn", Type::gauge,
           [&]() -> Samples {
             auto load = downloads.load();
             return {sample(load.queued_clients, {{"for", "clients"}}),
                     sample(load.queued_prefetches, {{"for", "prefetch"}})};
           });
  ask.many("ncps_spool_bytes", "Bytes that have come and are not kept yet", Type::gauge,
           [&]() -> Samples { return {sample(downloads.load().spooled, {{"for", "download"}})}; });
  const auto& uploads = parts.uploads;
  ask.many("ncps_uploads_in_flight", "Uploads of NARs that run, or wait for their turn",
           Type::gauge, [&]() -> Samples {
             auto load = uploads.load();
             return {sample(load.taken, {{"state", "running"}}),
                     sample(load.waiting, {{"state", "waiting"}})};
           });
  auto pools = [&parts](std::size_t (Pool::*what)() const noexcept) {
    return [&parts, what]() -> Samples {
      return {sample((parts.disk.*what)(), {{"pool", "disk"}}),
              sample((parts.cpu.*what)(), {{"pool", "cpu"}}),
              sample((parts.nars.*what)(), {{"pool", "nars"}})};
    };
  };
  ask.many("ncps_pool_waiting", "Work that waits for a thread", Type::gauge, pools(&Pool::waiting));
  ask.many("ncps_pool_running", "Threads that work", Type::gauge, pools(&Pool::running));
  ask.many("ncps_pool_threads", "Threads that there are", Type::gauge, pools(&Pool::threads));
  ask.one("ncps_database_calls", "Calls of the database that run, or wait for a connection",
          Type::gauge, [&] { return static_cast<double>(parts.catalog.calls()); });
  ask.many("ncps_upstream_transfers", "Transfers from upstreams that run, or wait for a connection",
           Type::gauge, [&]() -> Samples {
             auto load = parts.client.load();
             return {sample(load.running, {{"state", "running"}}),
                     sample(load.waiting, {{"state", "waiting"}})};
           });
}

void ask_upstreams(Asking& ask, const upstream::UpstreamSet& upstreams) {
  ask.one("ncps_upstream_count_total", "Upstreams that the options have", Type::gauge,
          [&] { return static_cast<double>(upstreams.now()->size()); });
  ask.one("ncps_upstream_count_healthy", "Upstreams in good standing", Type::gauge, [&] {
    double good = 0;
    for (const auto& one : *upstreams.now())
      if (one->standing() == upstream::Standing::good) ++good;
    return good;
  });
  ask.many("ncps_upstream_standing", "1 for the standing that an upstream has now", Type::gauge,
           [&]() -> Samples {
             std::map<Labels, double> all;  // the options may name one twice: it counts once
             for (const auto& one : *upstreams.now())
               for (auto which : upstream::kStandings) {
                 Labels labels{{"standing", std::string(upstream::name_of(which))},
                               {"upstream", one->name()}};
                 auto& value = all[std::move(labels)];
                 if (one->standing() == which) value = 1;
               }
             Samples samples;
             for (const auto& [labels, value] : all) samples.push_back(sample(value, labels));
             return samples;
           });
  ask.many("ncps_upstream_usual_delay_seconds",
           "Within which an upstream answers 95 of 100 questions", Type::gauge, [&]() -> Samples {
             std::map<std::string, double> all;
             for (const auto& one : *upstreams.now())
               all[one->name()] = std::chrono::duration<double>(one->usual_delay()).count();
             Samples samples;
             for (const auto& [name, value] : all)
               samples.push_back(sample(value, {{"upstream", name}}));
             return samples;
           });
}

}  // namespace

std::vector<Registry::Asked> ask_parts(Registry& registry, const MeasuredParts& parts) {
  Asking ask(registry);
  ask_space(ask, parts);
  ask_work(ask, parts);
  ask_upstreams(ask, parts.upstreams);
  const auto& served = parts.served;
  ask.many("ncps_narinfo_served_total",
           "Answers to narinfo requests, in the words of the Go program", Type::counter,
           [&] { return served.narinfos_as_in_go(); });
  ask.many("ncps_nar_served_total", "Answers to NAR requests, in the words of the Go program",
           Type::counter, [&] { return served.nars_as_in_go(); });
  ask.one("ncps_log_lines_dropped_total",
          "Log lines that were lost because nobody read them in time", Type::counter,
          [] { return static_cast<double>(log::dropped()); });
  ask.one("ncps_log_lines_left_out_total",
          "Log lines that were left out because they came again and again", Type::counter,
          [] { return static_cast<double>(log::left_out()); });
  ask.many("ncps_build_info", "1; the version is its label", Type::gauge,
           []() -> Samples { return {sample(1, {{"version", std::string(config::kVersion)}})}; });
  return ask.take();
}

}  // namespace ncps::app
