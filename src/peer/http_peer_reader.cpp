#include "peer/http_peer_reader.h"

#include <utility>

#include "fetch/trace_headers.h"
#include "peer/peer_url.h"
#include "telemetry/span.h"

namespace ncps::peer {
namespace {

class HttpPeerReader final : public PeerReader {
 public:
  HttpPeerReader(fetch::HttpClient& client, const Live<PeerSecret>& secret)
      : client_(client), secret_(secret) {}

  Task<std::optional<upstream::FileBody>> open(PeerAt peer, nix::NarUrl url,
                                               std::uint64_t first_byte,
                                               Deadline deadline) override {
    auto base = parse_peer_url(peer.url);
    if (!base) co_return fail(ErrorKind::upstream, "the lease's note leads to no instance");
    auto file = url.file_name();
    // Its beginning takes as long as the upstream's there.
    auto most = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::min<Deadline::Clock::duration>(deadline.remaining(), std::chrono::minutes(1)));
    fetch::HttpRequest request{
        .url = *base + std::string(kRoute) + std::string(file),
        .first_byte = first_byte,
        .timeouts = {.connect = kPeerConnect, .head = most},
        .headers = {{"Authorization", secret_.now()->token(file, peer.fence)}},
        .redirects = fetch::Redirects::none,
        .proxies = fetch::Proxies::none};
    trace::Span span("peer.GET", trace::Kind::client);
    span.set("url.path", fetch::path_of(request.url));
    fetch::add_trace_headers(request);
    auto answer = co_await client_.fetch(std::move(request), deadline);
    if (!answer) span.fail(answer.error().error.what());
    if (!answer) co_return std::unexpected(std::move(answer.error().error).while_doing(*base));
    if (answer->status == 404) co_return std::nullopt;
    if (answer->status != 200 && answer->status != 206)
      co_return fail(ErrorKind::upstream, refusal(*base, answer->status));
    upstream::FileBody body{
        .first_byte = 0, .total = answer->content_length, .bytes = std::move(answer->body)};
    if (answer->status == 206) {
      if (!answer->content_range || answer->content_range->first != first_byte)
        co_return fail(ErrorKind::upstream, *base + ": answered another range than asked for");
      body.first_byte = first_byte;
      body.total = answer->content_range->total;
    }
    co_return std::optional(std::move(body));
  }

 private:
  static std::string refusal(const std::string& base, int status) {
    auto text = base + ": answered " + std::to_string(status);
    if (status == 403)
      text += " (it has another secret: give all instances the same --cache-peer-secret, or key)";
    return text;
  }

  fetch::HttpClient& client_;
  const Live<PeerSecret>& secret_;
};

}  // namespace

std::unique_ptr<PeerReader> make_http_peer_reader(fetch::HttpClient& client,
                                                  const Live<PeerSecret>& secret) {
  return std::make_unique<HttpPeerReader>(client, secret);
}

}  // namespace ncps::peer
