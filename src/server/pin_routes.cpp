#include "server/pin_routes.h"

#include <nlohmann/json.hpp>

#include "nix/nar_info.h"
#include "server/audit.h"
#include "server/error_response.h"

namespace ncps::server {
namespace {

constexpr auto kAnswerTime = std::chrono::seconds(35);

http::Response not_allowed(bool may_change) {
  auto response = http::text_response(
      405, may_change ? "only POST and DELETE are answered here" : "pins are not changed here");
  response.headers.push_back({"Allow", may_change ? "POST, DELETE" : ""});
  return response;
}

}  // namespace

boost::asio::awaitable<http::Response> PinRoutes::answer(const http::Request& request,
                                                         nix::StorePathHash hash, std::string who) {
  bool may_change = deps_.policy.now()->put;
  bool post = request.method == http::Method::post;
  if (!may_change || (!post && request.method != http::Method::delete_))
    co_return not_allowed(may_change);
  auto response = co_await (post ? add(hash) : remove(hash));
  audit(request, who, post ? "pin" : "unpin", response.status, "");
  co_return response;
}

boost::asio::awaitable<http::Response> PinRoutes::add(nix::StorePathHash hash) {
  auto found =
      co_await deps_.narinfos.find(hash, cache::Asked::by_head, Deadline::after(kAnswerTime));
  if (!found) co_return error_response(found.error());
  if (!*found) co_return http::text_response(404, "no upstream has this store path");
  auto info = nix::parse_nar_info((*found)->text);
  db::Pin pin{.hash = hash, .store_path = info ? info->store_path.str() : ""};
  auto pinned =
      co_await cache::add_pin(deps_.pins, deps_.catalog, deps_.store, std::move(pin), deps_.space);
  if (!pinned) co_return error_response(pinned.error());
  co_return http::text_response(200, pinned->fresh ? "pinned" : "pinned already");
}

boost::asio::awaitable<http::Response> PinRoutes::remove(nix::StorePathHash hash) {
  auto removed = co_await cache::remove_pin(deps_.pins, deps_.store, hash);
  if (!removed) co_return error_response(removed.error());
  co_return *removed ? http::text_response(200, "pinned no longer")
                     : http::text_response(404, "it is not pinned");
}

boost::asio::awaitable<http::Response> PinRoutes::list() {
  auto pins = co_await deps_.pins.list();
  if (!pins) co_return error_response(pins.error());
  auto hashes = nlohmann::json::array();
  for (const auto& pin : *pins) hashes.push_back(std::string(pin.hash.str()));
  http::Response response;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  response.body = hashes.dump();
  co_return response;
}

}  // namespace ncps::server
