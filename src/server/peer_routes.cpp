#include "server/peer_routes.h"

#include "http/range.h"
#include "server/error_response.h"

namespace ncps::server {
namespace {

// For an upstream to begin its answer here. Then whoever asks looks elsewhere, or asks again.
constexpr auto kBeginTime = std::chrono::seconds(20);

}  // namespace

boost::asio::awaitable<http::Response> PeerRoutes::answer(const http::Request& request,
                                                          nix::NarUrl url) {
  if (request.method != http::Method::get) {
    auto refusal = http::text_response(405, "answered here: GET");
    refusal.headers.push_back({"Allow", "GET"});
    co_return refusal;
  }
  auto fence = secret_.now()->accept(request.header("Authorization"), url.file_name());
  if (!fence) co_return http::text_response(403, "for other instances of this cache alone");
  auto spool = downloads_.for_peer(url, *fence);
  if (!spool) co_return http::text_response(404, "not on its way here");
  auto started = co_await spool->started(Deadline::after(kBeginTime));
  if (!started)
    co_return http::text_response(http_status(started.error().kind()), "broke off here");

  http::Response response{
      .headers = {{"Content-Type", "application/octet-stream"}, {"Cache-Control", "no-store"}}};
  response.cache = "inflight";
  http::ByteRange part{.first = 0, .last = 0};
  // Without a size there is no range, and it begins at 0.
  if (auto total = started->total) {
    auto decision = http::decide_range(request.header("Range"), *total);
    if (decision.answer == http::RangeAnswer::unsatisfiable) {
      auto beyond = http::text_response(416, "the range is beyond the end");
      beyond.headers.push_back({"Content-Range", http::content_range_unsatisfied(*total)});
      co_return beyond;
    }
    response.length = total;
    if (decision.answer == http::RangeAnswer::part) {
      part = decision.range;
      response.status = 206;
      response.headers.push_back({"Content-Range", http::content_range(part, *total)});
      response.length = part.length();
    }
  }
  response.body = cache::Spool::read(spool, part.first, response.length, cache::Tail::open);
  co_return response;
}

}  // namespace ncps::server
