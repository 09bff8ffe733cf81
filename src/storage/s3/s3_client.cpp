#include "storage/s3/s3_client.h"

#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/posix_error.h"
#include "crypto/encoding.h"
#include "crypto/sha256.h"
#include "fetch/unit_random.h"
#include "rt/signal.h"
#include "telemetry/log.h"
#include "telemetry/span.h"

namespace ncps::s3 {
namespace {

constexpr std::size_t kMaxErrorBytes = 64 << 10;
constexpr std::size_t kHashedHere = 16 << 10;  // bytes; more are hashed on the pool

std::string_view name_of(fetch::Verb verb) {
  switch (verb) {
    case fetch::Verb::get: return "GET";
    case fetch::Verb::head: return "HEAD";
    case fetch::Verb::put: return "PUT";
    case fetch::Verb::post: return "POST";
    case fetch::Verb::del: return "DELETE";
  }
  return "";
}

// A failure of the server or of the way to it, as a store names it.
Error unavailable(const Error& error) {
  return Error(ErrorKind::unavailable, "the S3 server: " + error.what());
}

Error no_credentials(const Error& error) {
  return Error(ErrorKind::unavailable, "finding S3 credentials: " + error.what());
}

std::chrono::sys_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

Result<std::string> hash_of_file(const fetch::FileBody& body) {
  constexpr std::size_t kBuffer = 256 * 1024;
  // Not the bytes themselves: every thread of the process would have them from its start.
  static thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
  crypto::Sha256 hash;
  for (std::uint64_t done = 0; done < body.length;) {
    auto wanted = std::min<std::uint64_t>(body.length - done, kBuffer);
    auto n =
        ::pread(body.file->get(), buffer.get(), wanted, static_cast<off_t>(body.offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return std::unexpected(posix_error("reading", "what is to be stored", n == 0 ? EIO : errno));
    hash.update({buffer.get(), static_cast<std::size_t>(n)});
    done += static_cast<std::uint64_t>(n);
  }
  auto digest = hash.finish();
  return crypto::to_hex(digest);
}

Task<std::string> read_all(ByteSource& source, std::size_t limit, Deadline deadline) {
  std::string text;
  for (;;) {
    auto piece = co_await source.next();
    if (!piece) co_return std::unexpected(unavailable(piece.error()));
    auto part = std::get<std::string_view>(*piece);
    if (part.empty()) co_return text;
    if (part.size() > limit - text.size())
      co_return fail(ErrorKind::unavailable, "the S3 server: a longer answer than there may be");
    text.append(part);
    if (deadline.passed())
      co_return fail(ErrorKind::unavailable, "the S3 server: no whole answer in time");
  }
}

}  // namespace

struct S3Client::Tried {
  Result<S3Answer> answer;
  bool again = false;  // it may succeed soon
  bool expired = false;
};

Task<std::string> S3Client::hash_of(const fetch::Body& body) {
  if (address_.tls()) co_return std::string(kUnsignedPayload);
  if (const auto* file = std::get_if<fetch::FileBody>(&body)) {
    auto work = [&] { return hash_of_file(*file); };
    co_return co_await offload(cpu_, std::move(work));
  }
  const auto* text = std::get_if<std::string>(&body);
  if (text == nullptr || text->size() <= kHashedHere)
    co_return payload_hash(text == nullptr ? std::string_view() : *text);
  auto work = [&]() -> Result<std::string> { return payload_hash(*text); };
  co_return co_await offload(cpu_, std::move(work));
}

Task<std::string> S3Client::presign(fetch::Verb verb, std::string path,
                                    std::chrono::seconds valid_for, Deadline deadline) {
  auto who = co_await keeper_.current(deadline);
  if (!who) co_return std::unexpected(no_credentials(who.error()));
  UnsignedRequest request{
      .method = std::string(name_of(verb)), .host = address_.host(), .path = path};
  CO_TRY(auto query, presigned_query(request, **who, address_.region(), now(), valid_for));
  co_return address_.origin() + encode_path(path) + "?" + query;
}

boost::asio::awaitable<S3Client::Tried> S3Client::try_once(const S3Request& request,
                                                           const std::string& payload,
                                                           Deadline deadline) {
  auto who = co_await keeper_.current(deadline);
  if (!who) {
    bool again = who.error().retryable();
    co_return Tried{std::unexpected(no_credentials(who.error())), again};
  }
  UnsignedRequest unsigned_request{std::string(name_of(request.verb)), address_.host(),
                                   request.path, request.query, request.headers};
  fetch::HttpRequest http{.url = address_.origin() + encode_path(request.path),
                          .verb = request.verb};
  if (auto query = encode_query(request.query); !query.empty()) http.url += "?" + query;
  http.headers = request.headers;
  for (auto& header : signed_headers(unsigned_request, **who, address_.region(), now(), payload))
    http.headers.push_back(std::move(header));
  http.body = request.body;
  http.redirects = fetch::Redirects::none;
  http.timeouts.head = request.head_time;
  trace::Span span("s3." + std::string(name_of(request.verb)), trace::Kind::client);
  span.set("url.path", request.path);
  auto got = co_await http_.fetch(std::move(http), deadline);
  if (got) span.set("http.response.status_code", got->status);
  if (!got) {
    span.fail(got.error().error.what());
    bool again = got.error().blame != fetch::Blame::nobody;
    co_return Tried{std::unexpected(unavailable(got.error().error)), again};
  }
  S3Answer answer{.http = std::move(*got)};
  if (answer.http.status >= 200 && answer.http.status < 300) co_return Tried{std::move(answer)};
  // A reason that cannot be read is none; the status remains.
  auto text = co_await read_all(*answer.http.body, kMaxErrorBytes, deadline);
  answer.http.body.reset();
  answer.error = parse_error(text.value_or(""));
  answer.meaning = meaning_of(answer.http.status, answer.error);
  bool again = passing(answer.meaning), expired = answer.meaning == Meaning::expired;
  if (expired) keeper_.reject(*who);
  co_return Tried{std::move(answer), again, expired};
}

Task<S3Answer> S3Client::ask(S3Request request, Deadline deadline) {
  CO_TRY(auto payload, co_await hash_of(request.body));
  bool renewed = false;
  for (unsigned attempts = 1;; ++attempts) {
    if (closing_ && request.closing == Closing::fails)
      co_return fail(ErrorKind::unavailable, "the server is shutting down");
    auto tried = co_await try_once(request, payload, deadline);
    if (tried.answer) tried.answer->attempts = attempts;
    if (tried.expired && !renewed) {
      renewed = true;
      continue;
    }
    if (!tried.again || attempts >= request.retry.attempts) co_return std::move(tried.answer);
    auto after = tried.answer ? tried.answer->http.retry_after : std::nullopt;
    auto delay = fetch::retry_delay(request.retry, attempts, after, fetch::unit_random());
    if (deadline.remaining() <= delay) co_return std::move(tried.answer);
    log::debug(
        "asking the S3 server again",
        {{"path", request.path},
         {"error", tried.answer ? tried.answer->why().what() : tried.answer.error().what()}});
    co_await sleep_for(delay);
  }
}

Task<std::string> S3Client::read_text(S3Answer answer, std::size_t limit, Deadline deadline) {
  co_return co_await read_all(*answer.http.body, limit, deadline);
}

}  // namespace ncps::s3
