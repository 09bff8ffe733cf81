#include "server/write_routes.h"

#include <limits>

#include "cache/object_fetcher.h"
#include "cache/read_upload.h"
#include "server/audit.h"
#include "server/error_response.h"

namespace ncps::server {
namespace {

namespace asio = boost::asio;
using cache::UploadAnswer;
using cache::Verdict;

unsigned status_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kept:
    case Verdict::here: return 204;
    case Verdict::unfit: return 422;
    case Verdict::untrusted: return 403;
    case Verdict::conflict: return 409;
    case Verdict::too_large: return 413;
    case Verdict::no_room: return 507;
    case Verdict::busy: return 503;
  }
  return 500;
}

http::Response done() {
  return {.status = 204};
}

// The text that stands for nothing.
class Nothing final : public ByteSource {
 public:
  Task<Piece> next() override { co_return Piece(std::string_view()); }
};

// nullopt: none that we can undo.
std::optional<nix::Compression> encoding_of(std::string_view header) {
  if (header.empty() || header == "identity") return nix::Compression::none;
  if (header == "gzip" || header == "x-gzip") return nix::Compression::gzip;
  if (header == "br") return nix::Compression::br;
  if (header == "zstd") return nix::Compression::zstd;
  if (header == "xz") return nix::Compression::xz;
  if (header == "bzip2") return nix::Compression::bzip2;
  return std::nullopt;
}

std::uint64_t most_bytes(const Route& route, const WritePolicy& policy) {
  if (std::holds_alternative<nix::StorePathHash>(route)) return policy.most_narinfo_bytes;
  if (const auto* object = std::get_if<nix::ObjectPath>(&route))
    return cache::max_object_bytes(object->kind());
  if (policy.most_nar_bytes == 0) return std::numeric_limits<std::int64_t>::max();
  return policy.most_nar_bytes;
}

// What can be said before the body has come; absent: let it come.
std::optional<http::Response> refused_unread(const http::Request& request, const Route& route,
                                             std::uint64_t most) {
  if (request.body == nullptr && !request.content_length)
    return http::text_response(411, "say how long the body is (Content-Length)");
  if (request.content_length && *request.content_length > most)
    return http::text_response(413, "more than " + std::to_string(most) + " bytes");
  auto encoding = encoding_of(request.header("Content-Encoding"));
  bool nar = std::holds_alternative<nix::NarUrl>(route);
  if (!encoding || (nar && *encoding != nix::Compression::none))
    return http::text_response(415, "no Content-Encoding that can be undone here");
  if (!request.header("Content-Range").empty())
    return http::text_response(400, "an upload is whole; no Content-Range");
  return std::nullopt;
}

http::Response response_to(const http::Request& request, std::string_view who,
                           const Result<UploadAnswer>& answer) {
  if (!answer) {
    auto response = error_response(answer.error());
    audit(request, who, "upload", response.status, answer.error().what());
    return response;
  }
  auto status = status_of(answer->verdict);
  audit(request, who, "upload", status, answer->why);
  auto response = status == 204 ? done() : http::text_response(status, answer->why);
  if (answer->verdict == Verdict::busy) response.headers.push_back({"Retry-After", "10"});
  return response;
}

}  // namespace

bool removable(const Route& route) {
  return std::holds_alternative<nix::StorePathHash>(route) ||
         std::holds_alternative<nix::NarUrl>(route);
}

bool writable(const Route& route) {
  return removable(route) || std::holds_alternative<nix::ObjectPath>(route);
}

asio::awaitable<http::Response> WriteRoutes::put(const http::Request& request, const Target& target,
                                                 std::string who) {
  auto most = most_bytes(target.route, policy());
  if (auto refused = refused_unread(request, target.route, most)) {
    audit(request, who, "upload", refused->status, "refused unread");
    deps_.probe.refused_unread(target.route);
    co_return std::move(*refused);
  }
  Nothing nothing;
  ByteSource& body = request.body != nullptr ? *request.body : nothing;
  auto encoding = *encoding_of(request.header("Content-Encoding"));
  Result<UploadAnswer> answer;
  if (const auto* url = std::get_if<nix::NarUrl>(&target.route)) {
    answer = co_await deps_.nars.put(*url, body, most, request.content_length,
                                     std::string(request.client));
  } else if (const auto* object = std::get_if<nix::ObjectPath>(&target.route)) {
    answer = co_await deps_.objects.put(*object, body, encoding);
  } else {
    auto hash = std::get<nix::StorePathHash>(target.route);
    auto elsewhere =
        target.side == Side::upload ? cache::Elsewhere::not_asked : cache::Elsewhere::asked;
    answer = co_await put_nar_info(body, hash, encoding, elsewhere);
    deps_.hot.forget(hash);  // whatever came of it: part of it may be there
  }
  deps_.probe.ended(target.route, answer);
  co_return response_to(request, who, answer);
}

Task<UploadAnswer> WriteRoutes::put_nar_info(ByteSource& body, nix::StorePathHash hash,
                                             nix::Compression encoding,
                                             cache::Elsewhere elsewhere) {
  auto most = policy().most_narinfo_bytes;
  std::string text;
  auto collect = [&](std::string_view part) -> Result<void> {
    text += part;
    return {};
  };
  CO_TRY(auto read, co_await cache::read_upload(body, encoding, most, deps_.cpu, collect));
  if (read.verdict != Verdict::kept) co_return std::move(read);
  co_return co_await deps_.narinfos.put(hash, std::move(text), elsewhere);
}

asio::awaitable<http::Response> WriteRoutes::remove(const http::Request& request,
                                                    const Route& route, std::string who) {
  Result<cache::Removed> removed;
  if (const auto* url = std::get_if<nix::NarUrl>(&route)) {
    removed = co_await deps_.removal.nar(*url);
  } else {
    removed = co_await deps_.removal.narinfo(std::get<nix::StorePathHash>(route));
  }
  if (const auto* hash = std::get_if<nix::StorePathHash>(&route)) deps_.hot.forget(*hash);
  if (!removed) {
    auto response = error_response(removed.error());
    audit(request, who, "delete", response.status, removed.error().what());
    co_return response;
  }
  auto response =
      removed->found ? done() : http::text_response(404, "nothing of that name is here");
  audit(request, who, "delete", response.status, "");
  co_return response;
}

}  // namespace ncps::server
