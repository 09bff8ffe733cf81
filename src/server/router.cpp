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
  auto* pin = std::get_if<PinOf>(&route);
  bool reads = request.method == http::Method::get || request.method == http::Method::head;
  if (!reads && pin == nullptr) co_return method_not_allowed();
  auto* fixed = std::get_if<Fixed>(&route);
  bool ready = std::holds_alternative<Ready>(route);
  bool open = ready || (fixed != nullptr && *fixed == Fixed::healthz);
  if (token_ && !open && !token_->admits(request.header("Authorization"))) {
    co_return unauthorized();
  }
  if (auto* hash = std::get_if<nix::StorePathHash>(&route)) {
    if (auto hot = narinfos_.answer_from_memory(request, *hash)) co_return std::move(*hot);
    co_return co_await narinfos_.answer(request, *hash);
  }
  if (auto* url = std::get_if<nix::NarUrl>(&route)) co_return co_await nars_.answer(request, *url);
  if (auto* object = std::get_if<nix::ObjectPath>(&route))
    co_return co_await objects_.answer(request, *object);
  if (pin != nullptr) co_return co_await pins_.answer(request, pin->hash);
  if (std::holds_alternative<PinList>(route)) co_return co_await pins_.list();
  if (fixed != nullptr) co_return fixed_.answer(*fixed);
  if (ready) co_return co_await ready_.answer();
  if (std::holds_alternative<BadNarName>(route))
    co_return http::text_response(400, "not the name of a NAR");
  co_return http::text_response(404, "no such path");
}

}  // namespace ncps::server
