#include "upstream/http_upstream.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "fetch/trace_headers.h"
#include "fetch/unit_random.h"
#include "nix/cache_info.h"
#include "nix/nar_info.h"
#include "rt/signal.h"
#include "telemetry/log.h"
#include "telemetry/span.h"

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

Health::Outcome outcome_of(fetch::Blame blame) {
  switch (blame) {
    case fetch::Blame::unreachable: return Health::Outcome::unreachable;
    case fetch::Blame::broken: return Health::Outcome::failed;
    case fetch::Blame::nobody: break;
  }
  return Health::Outcome::unknown;
}

double seconds_since(Deadline::Clock::time_point then) {
  return std::chrono::duration<double>(Deadline::Clock::now() - then).count();
}

constexpr std::size_t kMaxCacheInfoBytes = 64 << 10;

class HttpUpstream final : public Upstream {
 public:
  HttpUpstream(HttpUpstreamOptions options, fetch::HttpClient& client, UpstreamProbe probe)
      : options_(std::move(options)),
        client_(client),
        probe_(probe),
        record_(options_.url.masked(), options_.url.priority()) {}

  const std::string& name() const noexcept override { return record_.name(); }
  int priority() const noexcept override { return record_.priority(); }
  Standing standing() const noexcept override { return record_.standing(); }
  std::uint64_t returns() const noexcept override { return record_.returns(); }
  std::chrono::milliseconds usual_delay() const noexcept override { return record_.usual_delay(); }
  Health::Time next_probe() const noexcept override { return record_.next_probe(); }
  Signal& next_probe_nearer() noexcept override { return record_.sooner(); }

  Task<void> probe(Deadline deadline) override {
    Question question{.request = {.url = options_.url.resolve("nix-cache-info")},
                      .kind = Health::Kind::probe};
    question.request.decode = fetch::Decode::yes;
    question.text_limit = kMaxCacheInfoBytes;
    auto reply = co_await ask(std::move(question), deadline);
    // What is too long is no nix-cache-info, but an answer.
    if (!reply && reply.error().kind() != ErrorKind::corrupt)
      co_return std::unexpected(std::move(reply).error().while_doing("probing"));
    if (reply && reply->text) record_.says(nix::parse_cache_info(*reply->text));
    co_return Result<void>();
  }

  Task<std::optional<std::string>> find_narinfo(nix::StorePathHash hash,
                                                Deadline deadline) override {
    std::string path = std::string(hash.str()) + ".narinfo";
    Question question{.request = {.url = options_.url.resolve(path), .decode = fetch::Decode::yes},
                      .text_limit = options_.most_narinfo_bytes};
    auto begin = Deadline::Clock::now();
    auto reply = co_await ask(std::move(question), deadline);
    if (!reply)
      co_return std::unexpected(std::move(reply).error().while_doing("asking for " + path));
    probe_.narinfo_seconds.observe(seconds_since(begin));
    co_return std::move(reply->text);
  }

  Task<std::optional<FileBody>> open_file(std::string url, std::uint64_t first_byte,
                                          fetch::Decode decode, Deadline deadline) override {
    CO_TRY(auto answer, co_await open(url, first_byte, decode, deadline));
    bool here = meaning_of(answer.status) == Meaning::here;
    if (here && first_byte > 0 && answer.encoded && decode == fetch::Decode::yes) {
      // It encodes what we asked for as it is: a position in that is none of the file.
      answer.body.reset();
      first_byte = 0;
      CO_TRY(answer, co_await open(url, first_byte, decode, deadline));
    }
    if (meaning_of(answer.status) == Meaning::missing) co_return std::nullopt;
    auto bytes = probe_.counted(std::move(answer.body));
    FileBody body{.first_byte = 0, .total = answer.content_length, .bytes = std::move(bytes)};
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
    Question question{.request = {.url = options_.url.resolve(url), .verb = fetch::Verb::head}};
    question.own = options_.url.same_host(url);
    CO_TRY(auto reply, co_await ask(std::move(question), deadline));
    if (meaning_of(reply.answer.status) == Meaning::missing) co_return std::nullopt;
    co_return FileHead{.total = reply.answer.content_length};
  }

 private:
  struct Question {
    fetch::HttpRequest request;
    std::optional<std::size_t> text_limit =
        {};  // read the whole body, if it has at most so many bytes
    Health::Kind kind = Health::Kind::request;
    bool own = true;  // is asked of the upstream's own host
  };
  struct Reply {  // means "here" or "missing"
    fetch::HttpAnswer answer;
    std::optional<std::string> text;  // with a text_limit, if it is here
  };
  struct Tried {
    Result<Reply> reply;
    Health::Outcome outcome;
    std::optional<std::chrono::seconds> retry_after = {};
  };

  static UpstreamProbe::Answer answer_of(const Tried& tried) {
    using enum UpstreamProbe::Answer;
    if (tried.reply)
      return meaning_of(tried.reply->answer.status) == Meaning::missing ? missing : found;
    switch (tried.outcome) {
      case Health::Outcome::alive: return refused;
      case Health::Outcome::failed: return failed;
      case Health::Outcome::unreachable: return unreachable;
      case Health::Outcome::unknown: break;
    }
    return unknown;
  }

  Error named(Error error) const { return std::move(error).while_doing(name()); }

  Error refusal(int status) const {
    std::string what = name() + ": answered " + std::to_string(status);
    if (status == 401 || status == 407) what += " (it wants credentials; see --netrc-file)";
    return Error(ErrorKind::upstream, std::move(what));
  }

  Task<fetch::HttpAnswer> open(const std::string& url, std::uint64_t first_byte,
                               fetch::Decode decode, Deadline deadline) {
    Question question{.request = {.url = options_.url.resolve(url)}};
    question.request.first_byte = first_byte;
    question.request.decode = decode;
    question.own = options_.url.same_host(url);
    CO_TRY(auto reply, co_await ask(std::move(question), deadline));
    co_return std::move(reply.answer);
  }

  // One answer that means "here" or "missing", after as many attempts as policy, standing and
  // deadline allow. Each attempt waits twice as long for its head as the one before, so that a slow
  // cache is not asked in vain.
  Task<Reply> ask(Question question, Deadline deadline) {
    question.request.timeouts = options_.timeouts;
    question.request.netrc_file = options_.netrc_file;
    question.request.elsewhere = options_.elsewhere;
    question.request.home = options_.url.resolve("");
    bool once = question.kind == Health::Kind::probe;
    for (unsigned failed = 0;;) {
      std::optional<TrackRecord::Attempt> attempt;
      if (question.own) attempt.emplace(record_, question.kind);
      if (attempt && attempt->trial() && failed == 0) once = true;
      // Its only attempt waits as long as a third one would: slow is not dead.
      if (once) question.request.timeouts.head = 4 * options_.timeouts.head;
      auto begin = Deadline::Clock::now();
      auto tried = co_await try_once(question, deadline);
      probe_.answered(answer_of(tried), seconds_since(begin));
      if (attempt) {
        if (tried.reply && question.kind == Health::Kind::request && question.text_limit)
          record_.answered_within(attempt->age());
        attempt->end(tried.outcome, tried.reply ? nullptr : &tried.reply.error());
      }
      if (tried.reply) co_return std::move(tried.reply);
      auto delay =
          fetch::retry_delay(options_.retry, ++failed, tried.retry_after, fetch::unit_random());
      bool again =
          tried.outcome == Health::Outcome::failed || tried.outcome == Health::Outcome::unreachable;
      if (!again || !tried.reply.error().retryable() || once || failed >= options_.retry.attempts ||
          deadline.remaining() <= delay)
        co_return std::move(tried.reply);
      log::debug("asking an upstream again",
                 {{"upstream", name()}, {"error", tried.reply.error().what()}});
      probe_.retries.add();
      question.request.timeouts.head *= 2;
      co_await sleep_for(delay);
    }
  }

  boost::asio::awaitable<Tried> try_once(const Question& question, Deadline deadline) {
    using enum Health::Outcome;
    bool probe = question.kind == Health::Kind::probe;  // nobody is impatient: its time is enough
    auto request = question.request;
    bool head = request.verb == fetch::Verb::head;
    trace::Span span(head ? "upstream.HEAD" : "upstream.GET", trace::Kind::client);
    span.set("ncps.upstream", name());
    span.set("url.path", fetch::path_of(request.url));
    fetch::add_trace_headers(request);
    auto answer = co_await client_.fetch(std::move(request), deadline);
    if (answer) span.set("http.response.status_code", answer->status);
    if (!answer) {
      span.fail(answer.error().error.what());
      auto outcome = outcome_of(answer.error().blame);
      if (probe && deadline.passed()) outcome = unreachable;
      co_return Tried{std::unexpected(named(std::move(answer.error().error))), outcome};
    }
    auto meaning = meaning_of(answer->status);
    if (meaning == Meaning::refused || meaning == Meaning::try_again) {
      auto outcome = meaning == Meaning::refused ? alive : failed;
      co_return Tried{std::unexpected(refusal(answer->status)), outcome, answer->retry_after};
    }
    Reply reply{.answer = std::move(*answer), .text = {}};
    if (meaning == Meaning::here && question.text_limit) {
      auto text = co_await read_all(*reply.answer.body, *question.text_limit, deadline);
      if (!text) {
        auto outcome = deadline.passed() && !probe ? unknown : failed;
        if (probe && text.error().kind() == ErrorKind::corrupt) outcome = alive;
        co_return Tried{std::unexpected(named(std::move(text).error())), outcome};
      }
      probe_.received_bytes.add(text->size());
      reply.text = std::move(*text);
    }
    co_return Tried{std::move(reply), alive};
  }

  static Task<std::string> read_all(ByteSource& source, std::size_t limit, Deadline deadline) {
    std::string text;
    for (;;) {
      CO_TRY(auto piece, co_await source.next());
      auto part = std::get<std::string_view>(piece);
      if (part.empty()) co_return text;
      text.append(part);
      if (text.size() > limit) {
        co_return fail(ErrorKind::corrupt,
                       "a text of more than " + std::to_string(limit >> 10) + " KiB");
      }
      if (deadline.passed())
        co_return fail(ErrorKind::timeout, "no whole answer before the deadline");
    }
  }

  HttpUpstreamOptions options_;
  fetch::HttpClient& client_;
  const UpstreamProbe probe_;
  TrackRecord record_;
};

}  // namespace

std::unique_ptr<Upstream> make_http_upstream(HttpUpstreamOptions options, fetch::HttpClient& client,
                                             UpstreamProbe probe) {
  return std::make_unique<HttpUpstream>(std::move(options), client, probe);
}

UpstreamList in_order(const UpstreamList& list) {
  std::vector<std::pair<int, std::size_t>> order;  // looked at once: they change while we sort
  for (std::size_t i = 0; i < list.size(); ++i)
    if (list[i]->standing() != Standing::refused) order.emplace_back(list[i]->priority(), i);
  std::ranges::sort(order);
  UpstreamList sorted;
  for (const auto& [priority, index] : order) sorted.push_back(list[index]);
  return sorted;
}

UpstreamList good_first(const UpstreamList& list, std::string_view favourite) {
  UpstreamList good, others;
  for (const auto& one : in_order(list)) {
    auto& where = one->standing() == Standing::good ? good : others;
    where.insert(one->name() == favourite ? where.begin() : where.end(), one);
  }
  good.insert(good.end(), others.begin(), others.end());
  return good;
}

}  // namespace ncps::upstream
