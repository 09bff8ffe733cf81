#include "server/nar_routes.h"

#include "http/range.h"
#include "server/error_response.h"
#include "server/near_nar.h"

namespace ncps::server {
namespace {

constexpr auto kAnswerTime = std::chrono::seconds(60);  // for the first byte from an upstream
constexpr auto kSizeTime = std::chrono::minutes(5);     // for a range of what has no known size yet

std::string etag_of(const nix::NarUrl& url) {
  auto name = url.file_name();
  std::string etag;
  etag.reserve(name.size() + 2);
  return etag.append("\"").append(name).append("\"");
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

std::vector<http::Header> NarRoutes::headers_for(const nix::NarUrl& url, Audience audience) const {
  bool everybody = audience == Audience::everybody;
  std::vector<http::Header> headers;  // not from a list, which would copy each
  headers.reserve(5);                 // and one more, of a part
  headers.push_back({"Content-Type", "application/x-nix-nar"});
  headers.push_back({"Accept-Ranges", "bytes"});
  headers.push_back({"ETag", etag_of(url)});
  headers.push_back({"Cache-Control", everybody ? "public, max-age=31536000, immutable"
                                                : "private, max-age=31536000, immutable"});
  return headers;
}

Task<cache::OpenNar> NarRoutes::open_kept(const nix::NarUrl& url,
                                          std::optional<storage::Part> part) {
  CO_TRY(auto nar, co_await nars_.open_kept(url, part));
  if (!nar) co_return fail(ErrorKind::not_found, "not kept here");
  co_return std::move(*nar);
}

Task<std::optional<std::uint64_t>> NarRoutes::size_of(const nix::NarUrl& url, Side side) {
  if (side == Side::root) co_return co_await nars_.size_of(url, Deadline::after(kAnswerTime));
  CO_TRY(auto nar, co_await open_kept(url));
  co_return nar.size();
}

boost::asio::awaitable<http::Response> NarRoutes::answer_head(const nix::NarUrl& url, Side side) {
  auto size = co_await size_of(url, side);
  if (!size) co_return error_response(size.error());
  http::Response response{.headers = headers_for(url, permissions_.audience())};
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
                                                         const nix::NarUrl& url, Side side) {
  auto known = request.header("If-None-Match");
  if (!known.empty() && http::if_none_match(known, etag_of(url))) {
    // Who names the ETag has it. "*" names nothing: whether it exists is still to be found out.
    if (known == "*") {
      auto size = co_await size_of(url, side);
      if (!size) co_return error_response(size.error());
    }
    co_return http::Response{.status = 304, .headers = headers_for(url, permissions_.audience())};
  }
  if (nars_.has_outside_urls())
    if (auto elsewhere = co_await answer_elsewhere(request.method, url))
      co_return std::move(*elsewhere);
  if (request.method == http::Method::head) co_return co_await answer_head(url, side);

  auto wanted = request.header("Range");
  if (!wanted.empty() && !http::if_range_allows(request.header("If-Range"), etag_of(url)))
    wanted = {};
  auto opening = side == Side::root ? nars_.open(url, Deadline::after(kAnswerTime), part_of(wanted),
                                                 request.client)
                                    : open_kept(url, part_of(wanted));
  auto nar = co_await std::move(opening);
  if (!nar) co_return error_response(nar.error());
  uses_.used(url);
  auto audience = permissions_.audience();
  http::Response response{.headers = headers_for(url, audience)};
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
  if (side == Side::root) keep_near(url, audience, *nar, response.headers);
  response.length = nar->size();
  response.body = nar->read(0, nar->size());
  co_return response;
}

std::optional<http::Response> NarRoutes::answer_from_memory(const http::Request& request,
                                                            const nix::NarUrl& url) {
  if (request.method != http::Method::get) return std::nullopt;
  auto& near = NearNar::of_this_thread(url);
  auto file = near.find(url, permissions_.audience(), NearNar::now());
  if (!file) return std::nullopt;
  for (auto name : {"Range", "If-None-Match"})
    if (!request.header(name).empty()) return std::nullopt;
  http::Response response;
  response.cache = "hit";
  response.length = file->span.length;
  response.body = std::move(*file);
  return response;
}

// Where the store gives URLs of its own, those are what is answered.
void NarRoutes::keep_near(const nix::NarUrl& url, Audience audience, const cache::OpenNar& nar,
                          const std::vector<http::Header>& headers) {
  auto file = nar.kept_open();
  if (file.expired()) return;
  auto head = http::prepare_file(headers, *nar.size());
  NearNar::of_this_thread(url).keep(url, audience, NearNar::now(), std::move(file), std::move(head),
                                    *nar.size());
}

}  // namespace ncps::server
