#include "server/nar_routes.h"

#include "http/range.h"
#include "server/error_response.h"

namespace ncps::server {
namespace {

constexpr auto kAnswerTime = std::chrono::seconds(60);  // for the first byte from an upstream
constexpr auto kSizeTime = std::chrono::minutes(5);     // for a range of what has no known size yet

std::string etag_of(const nix::NarUrl& url) {
  return "\"" + std::string(url.file_name()) + "\"";
}

// What the store is told of the range that a client wants.
std::optional<storage::Part> part_of(std::string_view range) {
  auto asked = http::parse_range(range);
  if (!asked) return std::nullopt;
  return storage::Part{.first = asked->first, .last = asked->last};
}

http::Response unsatisfiable(std::uint64_t size) {
  auto response = http::text_response(416, "the range is beyond the end");
  response.headers.push_back({"Content-Range", http::content_range_unsatisfied(size)});
  return response;
}

}  // namespace

std::vector<http::Header> NarRoutes::headers_for(const nix::NarUrl& url) const {
  std::string_view who = permissions_.audience() == Audience::everybody ? "public" : "private";
  return {{"Content-Type", "application/x-nix-nar"},
          {"Accept-Ranges", "bytes"},
          {"ETag", etag_of(url)},
          {"Cache-Control", std::string(who) + ", max-age=31536000, immutable"}};
}

Task<cache::OpenNar> NarRoutes::open(nix::NarUrl url, Side side, std::optional<storage::Part> part,
                                     std::string from) {
  if (side == Side::root)
    co_return co_await nars_.open(url, Deadline::after(kAnswerTime), part, std::move(from));
  CO_TRY(auto nar, co_await nars_.open_kept(url));
  if (!nar) co_return fail(ErrorKind::not_found, "not kept here");
  co_return std::move(*nar);
}

Task<std::optional<std::uint64_t>> NarRoutes::size_of(nix::NarUrl url, Side side) {
  if (side == Side::root) co_return co_await nars_.size_of(url, Deadline::after(kAnswerTime));
  CO_TRY(auto nar, co_await open(url, side));
  co_return nar.size();
}

boost::asio::awaitable<http::Response> NarRoutes::answer_head(nix::NarUrl url, Side side) {
  auto size = co_await size_of(url, side);
  if (!size) co_return error_response(size.error());
  http::Response response{.headers = headers_for(url)};
  response.length = *size;
  co_return response;
}

// The store's own URL of what is at rest, which is good for this client only, and not for long. What
// goes wrong shows again where the NAR itself is opened.
boost::asio::awaitable<std::optional<http::Response>> NarRoutes::answer_elsewhere(
    http::Method method, const nix::NarUrl& url) {
  auto asking = method == http::Method::head ? storage::Asking::head : storage::Asking::get;
  auto where = co_await nars_.outside_url(url, asking);
  if (!where || !*where) co_return std::nullopt;
  if (method == http::Method::get) uses_.used(url);
  http::Response response{.status = 307};
  response.headers = {{"Location", std::move(**where)}, {"Cache-Control", "no-store"}};
  response.cache = "redirect";
  co_return response;
}

boost::asio::awaitable<http::Response> NarRoutes::answer(const http::Request& request,
                                                         nix::NarUrl url, Side side) {
  auto etag = etag_of(url);
  auto known = request.header("If-None-Match");
  if (!known.empty() && http::if_none_match(known, etag)) {
    // Who names the ETag has it. "*" names nothing: whether it exists is still to be found out.
    if (known == "*") {
      auto size = co_await size_of(url, side);
      if (!size) co_return error_response(size.error());
    }
    co_return http::Response{.status = 304, .headers = headers_for(url)};
  }
  if (auto elsewhere = co_await answer_elsewhere(request.method, url))
    co_return std::move(*elsewhere);
  if (request.method == http::Method::head) co_return co_await answer_head(url, side);

  std::string_view wanted;
  if (http::if_range_allows(request.header("If-Range"), etag)) wanted = request.header("Range");
  auto nar = co_await open(url, side, part_of(wanted), std::string(request.client));
  if (!nar) co_return error_response(nar.error());
  uses_.used(url);
  http::Response response{.headers = headers_for(url)};
  response.cache = nar->how();
  response.upstream = nar->upstream();
  if (!wanted.empty()) {
    auto sized = co_await nar->wait_for_size(Deadline::after(kSizeTime));
    if (!sized) co_return error_response(sized.error());
  }
  if (!wanted.empty() && nar->size()) {  // else the whole of it, as is always allowed
    auto decision = http::decide_range(wanted, *nar->size());
    if (decision.answer == http::RangeAnswer::unsatisfiable) co_return unsatisfiable(*nar->size());
    if (decision.answer == http::RangeAnswer::part) {
      response.status = 206;
      response.headers.push_back(
          {"Content-Range", http::content_range(decision.range, *nar->size())});
      response.length = decision.range.length();
      response.body = nar->read(decision.range.first, decision.range.length());
      co_return response;
    }
  }
  response.length = nar->size();
  response.body = nar->read(0, nar->size());
  co_return response;
}

}  // namespace ncps::server
