#include "upstream/http_upstream.h"

#include <algorithm>
#include <random>

#include "nix/nar_info.h"
#include "rt/signal.h"
#include "telemetry/log.h"

namespace ncps::upstream {
namespace {

enum class Meaning : std::uint8_t { here, missing, try_again, refused };

Meaning meaning_of(int status) {
  switch (status) {
    case 200:
    case 206: return Meaning::here;
    case 403:
    case 404:
    case 410: return Meaning::missing;
    case 408:
    case 429: return Meaning::try_again;
    default:
      return status >= 500 && status != 501 && status != 505 ? Meaning::try_again
                                                             : Meaning::refused;
  }
}

double unit_random() {
  thread_local std::minstd_rand engine(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

class HttpUpstream final : public Upstream {
 public:
  HttpUpstream(HttpUpstreamOptions options, HttpClient& client)
      : options_(std::move(options)), client_(client) {}

  const std::string& name() const noexcept override { return options_.url.masked(); }
  Standing standing() const noexcept override { return Standing::good; }
  std::uint64_t returns() const noexcept override { return 0; }
  std::chrono::milliseconds usual_delay() const noexcept override {
    return std::chrono::milliseconds(300);
  }
  Task<void> probe(Deadline) override { co_return Result<void>(); }
  int priority() const noexcept override {
    return options_.url.priority().value_or(kDefaultPriority);
  }

  Task<std::optional<std::string>> find_narinfo(nix::StorePathHash hash,
                                                Deadline deadline) override {
    std::string path = std::string(hash.str()) + ".narinfo";
    HttpRequest request{.url = options_.url.resolve(path), .decode = Decode::yes};
    for (unsigned failed = 0;;) {
      auto answer = co_await ask(request, deadline, failed);
      if (!answer)
        co_return std::unexpected(std::move(answer).error().while_doing("asking for " + path));
      if (meaning_of(answer->status) == Meaning::missing) co_return std::nullopt;
      auto text = co_await read_all(*answer->body, deadline);
      if (text) co_return std::optional(std::move(*text));
      // The head came, the body broke: as good as no answer.
      auto delay = retry_delay(options_.retry, ++failed, {}, unit_random());
      if (!may_go_on(text.error(), failed, delay, deadline)) {
        co_return std::unexpected(named(std::move(text).error()).while_doing("reading " + path));
      }
      co_await sleep_for(delay);
    }
  }

  Task<std::optional<FileBody>> open_file(std::string url, std::uint64_t first_byte, Decode decode,
                                          Deadline deadline) override {
    HttpRequest request{
        .url = options_.url.resolve(url), .first_byte = first_byte, .decode = decode};
    unsigned failed = 0;
    CO_TRY(auto answer, co_await ask(request, deadline, failed));
    if (meaning_of(answer.status) == Meaning::missing) co_return std::nullopt;
    FileBody body{.first_byte = 0, .total = answer.content_length, .bytes = std::move(answer.body)};
    if (answer.status == 206) {
      if (!answer.content_range || answer.content_range->first != first_byte) {
        co_return fail(ErrorKind::upstream, name() + ": answered another range than asked for");
      }
      body.first_byte = first_byte;
      body.total = answer.content_range->total;
    }
    co_return std::optional(std::move(body));
  }

  Task<std::optional<FileHead>> find_file(std::string url, Deadline deadline) override {
    HttpRequest request{.url = options_.url.resolve(url), .verb = Verb::head};
    unsigned failed = 0;
    CO_TRY(auto answer, co_await ask(request, deadline, failed));
    if (meaning_of(answer.status) == Meaning::missing) co_return std::nullopt;
    co_return FileHead{.total = answer.content_length};
  }

 private:
  Error named(Error error) const { return std::move(error).while_doing(name()); }

  Error refusal(int status) const {
    std::string what = name() + ": answered " + std::to_string(status);
    if (status == 401 || status == 407) what += " (it wants credentials; see --netrc-file)";
    return Error(ErrorKind::upstream, std::move(what));
  }

  bool may_go_on(const Error& error, unsigned failed, std::chrono::milliseconds delay,
                 Deadline deadline) const {
    return error.retryable() && failed < options_.retry.attempts && deadline.remaining() > delay;
  }

  // One answer that means "here" or "missing", after as many attempts as policy and deadline allow.
  // Each attempt waits twice as long for its head as the one before, so that a slow cache is not
  // asked in vain. `failed` attempts so far are counted on.
  Task<HttpAnswer> ask(HttpRequest request, Deadline deadline, unsigned& failed) {
    request.timeouts = options_.timeouts;
    request.netrc_file = options_.netrc_file;
    for (;;) {
      std::optional<std::chrono::seconds> retry_after;
      auto answer = co_await client_.fetch(request, deadline);
      auto error = Error(ErrorKind::internal, "");
      if (answer) {
        auto meaning = meaning_of(answer->status);
        if (meaning == Meaning::here || meaning == Meaning::missing) co_return std::move(*answer);
        error = refusal(answer->status);
        retry_after = answer->retry_after;
        answer->body.reset();
        if (meaning == Meaning::refused) co_return std::unexpected(std::move(error));
      } else {
        error = named(std::move(answer).error());
      }
      auto delay = retry_delay(options_.retry, ++failed, retry_after, unit_random());
      if (!may_go_on(error, failed, delay, deadline)) {
        co_return std::unexpected(std::move(error));
      }
      log::debug("asking an upstream again", {{"upstream", name()}, {"error", error.what()}});
      request.timeouts.head *= 2;
      co_await sleep_for(delay);
    }
  }

  Task<std::string> read_all(ByteSource& source, Deadline deadline) const {
    std::string text;
    for (;;) {
      CO_TRY(auto piece, co_await source.next());
      auto part = std::get<std::string_view>(piece);
      if (part.empty()) co_return text;
      text.append(part);
      if (text.size() > nix::kMaxNarInfoBytes) {
        co_return fail(ErrorKind::corrupt, "a narinfo of more than 1 MiB is none");
      }
      if (deadline.passed())
        co_return fail(ErrorKind::timeout, "no whole narinfo before the deadline");
    }
  }

  HttpUpstreamOptions options_;
  HttpClient& client_;
};

}  // namespace

std::unique_ptr<Upstream> make_http_upstream(HttpUpstreamOptions options, HttpClient& client) {
  return std::make_unique<HttpUpstream>(std::move(options), client);
}

UpstreamList in_order(const UpstreamList& list) {
  UpstreamList order;
  std::ranges::copy_if(list, std::back_inserter(order),
                       [](const auto& u) { return u->standing() != Standing::refused; });
  std::ranges::stable_sort(order, {}, [](const auto& u) { return u->priority(); });
  return order;
}

}  // namespace ncps::upstream
