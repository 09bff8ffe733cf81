#include "server/router.h"

namespace ncps::server {
namespace {

http::Response method_not_allowed() {
  auto response = http::text_response(405, "only GET and HEAD are answered here");
  response.headers.push_back({"Allow", "GET, HEAD"});
  return response;
}

}  // namespace

boost::asio::awaitable<http::Response> Router::answer(const http::Request& request) {
  auto route = parse_route(request.path);
  auto permit = permissions_.ask(request, route);
  if (permit.refusal) co_return std::move(*permit.refusal);
  if (request.method != http::Method::get && request.method != http::Method::head) {
    co_return method_not_allowed();
  }
  if (auto* hash = std::get_if<nix::StorePathHash>(&route)) {
    if (auto hot = narinfos_.answer_from_memory(request, *hash)) co_return std::move(*hot);
    co_return co_await narinfos_.answer(request, *hash);
  }
  if (auto* url = std::get_if<nix::NarUrl>(&route)) co_return co_await nars_.answer(request, *url);
  if (auto* object = std::get_if<nix::ObjectPath>(&route))
    co_return co_await objects_.answer(request, *object);
  if (auto* fixed = std::get_if<Fixed>(&route)) co_return fixed_.now()->answer(*fixed);
  if (std::holds_alternative<Ready>(route)) co_return co_await ready_.answer();
  if (std::holds_alternative<BadNarName>(route))
    co_return http::text_response(400, "not the name of a NAR");
  co_return http::text_response(404, "no such path");
}

}  // namespace ncps::server
