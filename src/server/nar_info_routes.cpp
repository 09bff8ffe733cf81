#include "server/nar_info_routes.h"

#include "http/connection.h"
#include "http/range.h"
#include "server/error_response.h"
#include "server/near_nar_info.h"

namespace ncps::server {
namespace {

constexpr auto kAnswerTime = std::chrono::seconds(35);

http::Response respond(const http::Request& request, std::shared_ptr<const HotNarInfo> info,
                       std::string_view how) {
  http::Response response;
  response.cache = how;
  auto known = request.header("If-None-Match");
  if (!known.empty() && http::if_none_match(known, info->etag)) {
    response.body = http::not_modified(*info->prepared);
    return response;
  }
  const auto* prepared = info->prepared.get();
  response.body = std::shared_ptr<const http::Prepared>(std::move(info), prepared);
  return response;
}

}  // namespace

std::vector<http::Header> NarInfoRoutes::headers_for(const std::string& etag) const {
  std::string_view who = permissions_.audience() == Audience::everybody ? "public" : "private";
  return {{"Content-Type", "text/x-nix-narinfo"},
          {"ETag", etag},
          {"Cache-Control", std::string(who) + ", max-age=3600"}};
}

// All of it, but at most once a second: NARs that were announced and cannot be had any more cost
// the others no more than that.
void NarInfoRoutes::forget_what_is_in_doubt() {
  auto doubts = narinfos_.doubts();
  if (doubts == doubts_seen_.load(std::memory_order_relaxed)) return;
  using namespace std::chrono;
  auto now = duration_cast<seconds>(steady_clock::now().time_since_epoch()).count();
  auto last = forgotten_at_.load();
  if (now == last || !forgotten_at_.compare_exchange_strong(last, now)) return;
  doubts_seen_ = doubts;
  memory_.forget_all();
}

std::optional<http::Response> NarInfoRoutes::answer_from_memory(const http::Request& request,
                                                                const nix::StorePathHash& hash) {
  forget_what_is_in_doubt();
  auto version = memory_.version();
  auto second = std::chrono::floor<std::chrono::seconds>(http::coarse_now());
  auto& near = NearNarInfo::of_this_thread(hash);
  if (near.is(hash, version, second)) return respond(request, near.info(), "memory");
  auto hot = memory_.find(hash, second);
  if (!hot) return std::nullopt;
  uses_.used(hash);
  near.keep(hash, version, second, hot);
  return respond(request, std::move(hot), "memory");
}

boost::asio::awaitable<http::Response> NarInfoRoutes::answer(const http::Request& request,
                                                             nix::StorePathHash hash, Side side) {
  bool get = request.method == http::Method::get;
  auto epoch = memory_.epoch();
  auto as_of = std::chrono::floor<std::chrono::seconds>(http::coarse_now());
  auto asked = get ? cache::Asked::by_get : cache::Asked::by_head;
  bool known_missing = side == Side::root && narinfos_.known_missing(hash);
  auto found = side == Side::upload
                   ? co_await narinfos_.find_kept(hash)
                   : co_await narinfos_.find(hash, asked, Deadline::after(kAnswerTime));
  auto before = side == Side::root ? memory_.find(hash) : nullptr;  // of whatever age
  if (!found) {
    if (!before) co_return error_response(found.error());
    co_return respond(request, std::move(before), "memory");
  }
  if (!*found) {
    if (before) memory_.forget(hash);  // another instance has removed it
    auto absent = http::text_response(
        404, side == Side::upload ? "not kept here" : "no upstream has this store path");
    absent.cache = known_missing ? "negative" : "miss";
    co_return absent;
  }
  uses_.used(hash);
  auto& served = **found;
  HotNarInfo made{.prepared = http::prepare(200, headers_for(served.etag), std::move(served.text)),
                  .etag = served.etag,
                  .as_of = as_of};
  // After a HEAD a GET still has to reach the service, which then fetches ahead. An answer that was
  // begun before a doubt would come back into the memory that was emptied because of it.
  bool current = served.kept && served.as_of == narinfos_.as_of();
  if (get && side == Side::root && current) memory_.put(hash, made, epoch);
  auto hot = std::make_shared<const HotNarInfo>(std::move(made));
  auto response = respond(request, std::move(hot), served.how);
  response.upstream = std::move(served.upstream);
  co_return response;
}

}  // namespace ncps::server
