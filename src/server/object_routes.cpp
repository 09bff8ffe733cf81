#include "server/object_routes.h"

#include "http/range.h"
#include "server/error_response.h"

namespace ncps::server {
namespace {

constexpr auto kAnswerTime = std::chrono::seconds(60);  // it is fetched whole before its first byte

struct Kept {
  std::string_view type, for_how_long;
};

Kept kept(nix::ObjectKind kind) {
  constexpr std::string_view kForEver = "max-age=31536000, immutable", kShortly = "max-age=60";
  switch (kind) {
    case nix::ObjectKind::log: return {"text/plain; charset=utf-8", kForEver};
    case nix::ObjectKind::realisation:
    case nix::ObjectKind::build_trace: return {"application/json", kShortly};
    case nix::ObjectKind::listing:
    case nix::ObjectKind::debug_info: break;
  }
  return {"application/json", kForEver};
}

// What of `size` bytes is asked for goes into the response.
void put_body(http::Response& response, storage::Blob& blob, http::RangeDecision decision) {
  if (decision.answer == http::RangeAnswer::part) {
    response.status = 206;
    response.headers.push_back({"Content-Range", http::content_range(decision.range, blob.size())});
    response.length = decision.range.length();
    response.body = blob.read(decision.range.first, decision.range.length());
  } else {
    response.length = blob.size();
    response.body = blob.read(0, blob.size());
  }
}

}  // namespace

std::vector<http::Header> ObjectRoutes::headers_for(nix::ObjectKind kind,
                                                    const std::string& etag) const {
  auto [type, for_how_long] = kept(kind);
  std::string who = permissions_.audience() == Audience::everybody ? "public, " : "private, ";
  return {{"Content-Type", std::string(type)},
          {"Accept-Ranges", "bytes"},
          {"ETag", etag},
          {"Cache-Control", who.append(for_how_long)}};
}

boost::asio::awaitable<http::Response> ObjectRoutes::answer(const http::Request& request,
                                                            nix::ObjectPath path, Side side) {
  auto deadline = Deadline::after(kAnswerTime);
  auto found = side == Side::upload ? co_await objects_.find_kept(path, deadline)
                                    : co_await objects_.find(path, deadline);
  if (!found) co_return error_response(found.error());
  if (!*found) {
    auto absent =
        http::text_response(404, side == Side::upload ? "not kept here" : "no upstream has this");
    absent.cache = "miss";
    co_return absent;
  }
  auto& object = **found;
  http::Response response{.headers = headers_for(path.kind(), object.etag)};
  response.cache = object.how;
  auto known = request.header("If-None-Match");
  if (!known.empty() && http::if_none_match(known, object.etag)) {
    response.status = 304;
    co_return response;
  }
  if (request.method == http::Method::head) {
    response.length = object.blob->size();
    co_return response;
  }
  http::RangeDecision decision;
  if (http::if_range_allows(request.header("If-Range"), object.etag))
    decision = http::decide_range(request.header("Range"), object.blob->size());
  if (decision.answer == http::RangeAnswer::unsatisfiable) {
    auto beyond = http::text_response(416, "the range is beyond the end");
    beyond.headers.push_back(
        {"Content-Range", http::content_range_unsatisfied(object.blob->size())});
    co_return beyond;
  }
  put_body(response, *object.blob, decision);
  co_return response;
}

}  // namespace ncps::server
