#include "server/router.h"

#include "server/accept.h"
#include "server/audit.h"

namespace ncps::server {
namespace {

http::Response method_not_allowed(std::string allowed) {
  auto response = http::text_response(405, "answered here: " + allowed);
  response.headers.push_back({"Allow", std::move(allowed)});
  return response;
}

bool changes(http::Method method) {
  return method != http::Method::get && method != http::Method::head;
}

// Of a narinfo: an answer that is no error. A memory's answer has the status that it was made with.
void count_narinfo(cache::CountLog* counts, const http::Response& response) {
  if (counts == nullptr || response.cache.empty()) return;
  counts->narinfo(response.cache, response.status != 404);
}

// What was asked for only by its head, or is known to the client, was not served.
void count_nar(cache::CountLog* counts, const nix::NarUrl& url, const http::Response& response) {
  if (counts == nullptr || (response.status != 200 && response.status != 206)) return;
  if (std::holds_alternative<std::monostate>(response.body)) return;
  counts->nar(url, response.cache, response.length.value_or(0));
}

}  // namespace

std::optional<http::Response> Router::refusal(const http::Request& request,
                                              const Target& target) const {
  using http::Method;
  bool reading = request.method == Method::get || request.method == Method::head;
  bool pin = std::holds_alternative<PinOf>(target.route);  // which says for itself what it takes
  if (!reading && !pin) {
    auto policy = writes_.policy();
    bool put = policy.put && writable(target.route);
    bool remove = policy.remove && removable(target.route);
    bool allowed =
        (request.method == Method::put && put) || (request.method == Method::delete_ && remove);
    // Where writing is allowed, a name that is none is what is wrong.
    bool no_name = (request.method == Method::put && policy.put) ||
                   (request.method == Method::delete_ && policy.remove);
    if (no_name && std::holds_alternative<NoSuchPath>(target.route))
      return http::text_response(404, "no such path");
    if (no_name && std::holds_alternative<BadNarName>(target.route))
      return http::text_response(400, "not the name of a NAR");
    if (!allowed) {
      std::string methods = "GET, HEAD";
      if (put) methods += ", PUT";
      if (remove) methods += ", DELETE";
      return method_not_allowed(std::move(methods));
    }
  }
  return std::nullopt;
}

void Router::count(const Target& target, http::Response& response,
                   std::chrono::steady_clock::time_point begin) const {
  if (target.side == Side::root && std::holds_alternative<nix::StorePathHash>(target.route))
    count_narinfo(watching_.counts, response);
  if (const auto* url = std::get_if<nix::NarUrl>(&target.route))
    count_nar(watching_.counts, *url, response);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  watching_.served.answered(target.route, response, took.count());
}

boost::asio::awaitable<http::Response> Router::answer(const http::Request& request) {
  auto begin = std::chrono::steady_clock::now();
  auto target = parse_target(request.path);
  // Before everything: instances have their own proof, which is no token.
  if (auto* peers_nar = std::get_if<PeerNar>(&target.route)) {
    if (peers_ == nullptr) co_return http::text_response(404, "no such path");
    co_return co_await peers_->answer(request, std::move(peers_nar->url));
  }
  if (auto refused = refusal(request, target)) co_return std::move(*refused);
  auto permit = permissions_.ask(request, target.route);
  if (permit.refusal) {
    if (changes(request.method))
      audit(request, permit.who, "refused", permit.refusal->status, request.method_name);
    co_return std::move(*permit.refusal);
  }
  if (auto* pin = std::get_if<PinOf>(&target.route))
    co_return co_await pins_.answer(request, pin->hash, std::move(permit.who));
  if (request.method == http::Method::put)
    co_return co_await writes_.put(request, target, std::move(permit.who));
  if (request.method == http::Method::delete_)
    co_return co_await writes_.remove(request, target.route, std::move(permit.who));
  if (auto* hash = std::get_if<nix::StorePathHash>(&target.route);
      hash != nullptr && target.side == Side::root) {
    if (auto hot = narinfos_.answer_from_memory(request, *hash)) {
      count(target, *hot, begin);
      co_return std::move(*hot);
    }
  }
  if (auto* url = std::get_if<nix::NarUrl>(&target.route);
      url != nullptr && target.side == Side::root) {
    if (auto hot = nars_.answer_from_memory(request, *url)) {
      count(target, *hot, begin);
      co_return std::move(*hot);
    }
  }
  auto response = co_await read(request, target);
  count(target, response, begin);
  co_return response;
}

boost::asio::awaitable<http::Response> Router::read(const http::Request& request, Target& target) {
  auto& route = target.route;
  if (auto* hash = std::get_if<nix::StorePathHash>(&route))
    co_return co_await narinfos_.answer(request, *hash, target.side);
  if (auto* url = std::get_if<nix::NarUrl>(&route))
    co_return co_await nars_.answer(request, *url, target.side);
  if (auto* object = std::get_if<nix::ObjectPath>(&route))
    co_return co_await objects_.answer(request, *object, target.side);
  if (std::holds_alternative<BadNarName>(route))
    co_return http::text_response(400, "not the name of a NAR");
  co_return co_await read_ours(request, target);
}

// What is about this cache itself.
boost::asio::awaitable<http::Response> Router::read_ours(const http::Request& request,
                                                         const Target& target) {
  const auto& route = target.route;
  if (const auto* fixed = std::get_if<Fixed>(&route)) {
    auto about = fixed_.now();
    bool page = *fixed == Fixed::root && target.side == Side::root && watching_.page != nullptr &&
                prefers_html(request.header("Accept"));
    co_return page ? watching_.page->answer(request, *about) : about->answer(*fixed);
  }
  if (std::holds_alternative<PinList>(route)) co_return co_await pins_.list();
  if (std::holds_alternative<Ready>(route)) co_return co_await ready_.answer();
  if (std::holds_alternative<Status>(route) && watching_.status != nullptr)
    co_return watching_.status->answer();
  if (std::holds_alternative<Metrics>(route) && watching_.metrics != nullptr)
    co_return co_await watching_.metrics->answer();
  co_return http::text_response(404, "no such path");
}

}  // namespace ncps::server
