#include "storage/s3/s3_outside.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace ncps::s3 {
namespace {

constexpr std::size_t kMaxReply = 1 << 20;
constexpr std::size_t kMaxFile = 1 << 20;

Result<std::optional<std::string>> read_small(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return fail(ErrorKind::unavailable, path + ": " + std::strerror(errno));
  }
  std::string text(kMaxFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(ErrorKind::unavailable, path + ": cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxFile) return fail(ErrorKind::unavailable, path + ": is too large");
  return text;
}

class RealOutside final : public Outside {
 public:
  RealOutside(fetch::HttpClient& http, Pool& disk) : http_(http), disk_(disk) {}

  Task<HttpReply> ask(HttpAsk ask, Deadline deadline) override {
    fetch::HttpRequest request{.url = std::move(ask.url), .redirects = fetch::Redirects::none};
    bool near = request.url.starts_with("http://");
    if (near) request.proxies = fetch::Proxies::none;
    if (ask.method == "PUT") request.verb = fetch::Verb::put;
    if (ask.method == "POST") request.verb = fetch::Verb::post;
    request.headers = std::move(ask.headers);
    if (!ask.body.empty()) request.body = std::move(ask.body);
    auto answer = co_await http_.fetch(std::move(request), deadline);
    if (!answer) co_return std::unexpected(ours(answer.error().error));
    HttpReply reply{answer->status, ""};
    for (;;) {
      auto piece = co_await answer->body->next();
      if (!piece) co_return std::unexpected(ours(piece.error()));
      auto part = std::get<std::string_view>(*piece);
      if (part.empty()) co_return std::move(reply);
      reply.body.append(part);
      if (reply.body.size() > kMaxReply)
        co_return fail(ErrorKind::unavailable, "a longer answer than there may be");
      if (deadline.passed()) co_return fail(ErrorKind::timeout, "no whole answer in time");
    }
  }

  Task<std::optional<std::string>> read(std::string path) override {
    auto work = [&] { return read_small(path); };
    co_return co_await offload(disk_, std::move(work));
  }

 private:
  static Error ours(const Error& error) {
    auto kind = error.kind() == ErrorKind::timeout ? ErrorKind::timeout : ErrorKind::unavailable;
    return Error(kind, error.what());
  }

  fetch::HttpClient& http_;
  Pool& disk_;
};

}  // namespace

std::unique_ptr<Outside> make_outside(fetch::HttpClient& http, Pool& disk) {
  return std::make_unique<RealOutside>(http, disk);
}

}  // namespace ncps::s3
