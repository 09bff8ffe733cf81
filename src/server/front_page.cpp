#include "server/front_page.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <cmath>
#include <mustache.hpp>

#include "base/byte_size.h"
#include "nix/client_lines.h"
#include "upstream/standing_name.h"

namespace ncps::server {
namespace {

using kainjow::mustache::data;
using Seconds = std::chrono::duration<double>;

constexpr std::string_view kNothing = "–";  // there is no such number

data text(std::string_view value) {
  return data(std::string(value));
}

// "12 345"
std::string grouped(std::uint64_t number) {
  constexpr std::string_view kThin = "\u202f";
  auto digits = std::to_string(number);
  for (auto at = digits.size(); at > 3;) digits.insert(at -= 3, kThin);
  return digits;
}

std::string counted(std::uint64_t number, std::string_view what) {
  return grouped(number) + " " + std::string(what) + (number == 1 ? "" : "s");
}

std::string percent(std::optional<double> rate) {
  if (!rate) return std::string(kNothing);
  // All of them, or none, is said of nothing else.
  auto rounded = static_cast<int>(std::lround(*rate * 100));
  if (*rate < 1) rounded = std::min(rounded, 99);
  if (*rate > 0) rounded = std::max(rounded, 1);
  return fmt::format("{}\u202f%", rounded);
}

// For a bar: 0 to 100.
std::string share(std::uint64_t part, std::uint64_t whole) {
  double rate = static_cast<double>(part) / static_cast<double>(whole);
  return fmt::format("{:.0f}", std::min(rate, 1.0) * 100);
}

std::string for_how_long(Seconds time) {
  auto minutes = static_cast<std::uint64_t>(time.count()) / 60;
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return counted(minutes, "minute");
  if (minutes < 48 * 60) return counted(minutes / 60, "hour");
  return counted(minutes / 60 / 24, "day");
}

std::string_view said(upstream::Standing standing) {
  using enum upstream::Standing;
  switch (standing) {
    case good: return "good";
    case doubtful: return "failed lately, asked last";
    case trying: return "failed lately, being tried";
    case refused: return "another store than ours, not asked";
  }
  return "?";
}

data served_within(std::string_view window, const ServedProbe::Totals& served) {
  data row;
  row["window"] = text(window);
  row["narinfos"] = grouped(served.narinfos);
  row["narinfo_hits"] = percent(hit_rate(served.narinfo_hits, served.narinfos));
  row["nars"] = grouped(served.nars);
  row["nar_hits"] = percent(hit_rate(served.nar_hits, served.nars));
  row["sent"] = print_byte_size(served.bytes);
  row["saved"] = print_byte_size(served.bytes_saved);
  return row;
}

void tell_upstreams(data& view, const StatusPicture& status) {
  auto list = data(data::type::list);
  for (const auto& one : status.upstreams) {
    if (list.list_value().size() == kFrontPageUpstreams) break;
    data row;
    row["name"] = one.name;
    row["standing"] = text(upstream::name_of(one.standing));
    row["said"] = text(said(one.standing));
    row["priority"] = std::to_string(one.priority);
    row["delay"] = fmt::format("{:.0f}\u202fms", one.usual_delay.count() * 1000);
    list << row;
  }
  view["some_upstreams"] = data(!list.list_value().empty());
  if (auto rest = status.upstreams.size() - list.list_value().size(); rest > 0)
    view["more_upstreams"] = grouped(rest);
  view["upstreams"] = std::move(list);
}

data transfer(const cache::Downloads::Transfer& one) {
  data row;
  row["nar"] = one.nar;
  row["from"] = one.upstream.empty() ? text(kNothing) : data(one.upstream);
  row["known"] = data(one.total.value_or(0) > 0);
  row["so_far"] = print_byte_size(one.bytes);
  if (one.total && *one.total > 0) {
    row["percent"] = share(one.bytes, *one.total);
    row["so_far"] =
        fmt::format("{} of {}", print_byte_size(one.bytes), print_byte_size(*one.total));
  }
  row["whom"] = one.clients > 0 ? counted(one.clients, "client") : std::string("nobody yet");
  return row;
}

void tell_transfers(data& view, const StatusPicture& status) {
  auto list = data(data::type::list);
  for (const auto& one : status.transfers) {
    if (list.list_value().size() == kFrontPageTransfers) break;
    list << transfer(one);
  }
  auto named = list.list_value().size();
  view["some_transfers"] = data(named > 0);
  if (status.load.running > named) view["more_transfers"] = grouped(status.load.running - named);
  view["transfers"] = std::move(list);
}

void tell_kept(data& view, const StatusPicture& status) {
  view["kept"] = status.kept_bytes ? data(print_byte_size(*status.kept_bytes)) : text(kNothing);
  auto limit = status.limit_bytes;
  auto of = limit ? "of " + print_byte_size(*limit) : std::string("no limit is set");
  view["kept_of"] = status.kept_bytes ? of : std::string("being counted");
  view["limit"] = data(status.kept_bytes && limit.value_or(0) > 0);
  if (status.kept_bytes && limit.value_or(0) > 0)
    view["percent"] = share(*status.kept_bytes, *limit);
}

data status_view(const StatusPicture& status) {
  data view;
  const auto& day = status.within.back();
  view["hits"] = percent(hit_rate(day.nar_hits, day.nars));
  view["hits_of"] =
      day.nars > 0 ? "of " + counted(day.nars, "NAR") : std::string("no NAR was asked for");
  view["saved"] = print_byte_size(status.since_start.bytes_saved);
  view["sent"] = print_byte_size(status.since_start.bytes);
  tell_kept(view, status);
  view["running"] = grouped(status.load.running);
  auto queued = status.load.queued_clients + status.load.queued_prefetches;
  view["queued"] = queued > 0 ? grouped(queued) + " more wait" : std::string("none waits");
  tell_upstreams(view, status);
  tell_transfers(view, status);
  auto served = data(data::type::list);
  constexpr std::string_view kNames[] = {"a minute", "an hour", "24 hours"};
  for (std::size_t i = 0; i < status.within.size(); ++i)
    served << served_within(kNames[i], status.within[i]);
  served << served_within("since its start", status.since_start);
  view["served"] = std::move(served);
  view["uptime"] = for_how_long(status.uptime);
  return view;
}

}  // namespace

std::string print_html(const FrontPage& page) {
  data view;
  view["hostname"] = page.hostname;
  view["url"] = page.url;
  view["nixos"] = nix::nixos_lines(page.url, page.keys);
  view["nix_conf"] = nix::nix_conf_lines(page.url, page.keys);
  view["netrc"] = nix::netrc_line(page.url);
  view["asks_for_tokens"] = data(page.asks_for_tokens);
  view["version"] = page.version;
  view["now"] = fmt::format("{:%H:%M:%S}", page.now);
  view["status"] = page.status ? status_view(*page.status) : data(false);
  // Each time anew: it keeps no template that two could not use at once.
  kainjow::mustache::mustache page_template{std::string(kFrontPageTemplate)};
  return page_template.render(view);
}

std::string asked_url(http::Scheme scheme, std::string_view host_header,
                      std::string_view hostname) {
  auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view(".-_:[]").contains(c);
  };
  auto url = fmt::format("{}://{}", http::name_of(scheme), host_header);
  if (host_header.size() <= 255 && std::ranges::all_of(host_header, plain) &&
      nix::is_cache_url(url))
    return url;
  return fmt::format("{}://{}", http::name_of(scheme), hostname);
}

}  // namespace ncps::server
