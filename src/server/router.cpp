#include "server/router.h"

namespace ncps::server {
namespace {

http::Response method_not_allowed() {
  auto response = http::text_response(405, "only GET and HEAD are answered here");
  response.headers.push_back({"Allow", "GET, HEAD"});
  return response;
}

// Of a narinfo: an answer that is no error. A memory's answer has the status that it was made with.
void count_narinfo(cache::CountLog* counts, const http::Response& response) {
  if (counts == nullptr || response.cache.empty()) return;
  counts->narinfo(response.cache, response.status != 404);
}

// What was asked for only by its head, or is known to the client, was not served.
void count_nar(cache::CountLog* counts, const http::Response& response) {
  if (counts == nullptr || (response.status != 200 && response.status != 206)) return;
  if (std::holds_alternative<std::monostate>(response.body)) return;
  counts->nar(response.cache, response.length.value_or(0));
}

}  // namespace

boost::asio::awaitable<http::Response> Router::answer(const http::Request& request) {
  if (request.method != http::Method::get && request.method != http::Method::head) {
    co_return method_not_allowed();
  }
  auto route = parse_route(request.path);
  auto* fixed = std::get_if<Fixed>(&route);
  bool ready = std::holds_alternative<Ready>(route);
  bool open = ready || (fixed != nullptr && *fixed == Fixed::healthz);
  if (token_ && !open && !token_->admits(request.header("Authorization"))) {
    co_return unauthorized();
  }
  if (auto* hash = std::get_if<nix::StorePathHash>(&route)) {
    auto hot = narinfos_.answer_from_memory(request, *hash);
    auto response = hot ? std::move(*hot) : co_await narinfos_.answer(request, *hash);
    count_narinfo(counts_, response);
    co_return response;
  }
  if (auto* url = std::get_if<nix::NarUrl>(&route)) {
    auto response = co_await nars_.answer(request, *url);
    count_nar(counts_, response);
    co_return response;
  }
  if (auto* object = std::get_if<nix::ObjectPath>(&route))
    co_return co_await objects_.answer(request, *object);
  if (fixed != nullptr) co_return fixed_.answer(*fixed);
  if (ready) co_return co_await ready_.answer();
  if (std::holds_alternative<BadNarName>(route))
    co_return http::text_response(400, "not the name of a NAR");
  co_return http::text_response(404, "no such path");
}

}  // namespace ncps::server
