#include "storage/s3/s3_upload.h"

#include "base/check.h"
#include "storage/s3/part_plan.h"
#include "storage/s3/s3_xml.h"
#include "telemetry/log.h"

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;

constexpr int kAtOnce = 3;              // parts of one upload
constexpr auto kPartTime = 10min;       // of one part, retries included
constexpr auto kSmallTime = 2min;       // of any other request
constexpr auto kCompletionTime = 5min;  // Amazon takes minutes to put together large objects
constexpr std::size_t kMaxAnswer = 1 << 20;

Fields storage_class_of(const UploadDeps& deps) {
  if (deps.storage_class.empty()) return {};
  return {{"x-amz-storage-class", deps.storage_class}};
}

}  // namespace

bool S3Upload::ready(const State& state) {
  if (state.failure || state.workers >= kAtOnce || state.stage == Stage::beginning) return false;
  auto left = state.size - state.taken;
  return left >= part_bytes(state.parts + 1) || (state.all && left > 0);
}

void S3Upload::grown(std::uint64_t size) {
  state_.with([&](State& s) { s.size = size; });
  hire();
}

// As many workers as there is work for. A worker that finds none leaves.
void S3Upload::hire() {
  auto one_more = [](State& s) {
    if (!ready(s)) return false;
    ++s.workers;
    if (s.stage == Stage::unbegun) s.stage = Stage::beginning;  // it alone, until there is an id
    return true;
  };
  // Each worker takes a part when it begins to run, so no more are hired than there are parts.
  for (int i = 0; i < kAtOnce && state_.with(one_more); ++i) {
    try {
      deps_.group.spawn(deps_.runtime.next_executor(), "s3 upload", run(shared_from_this()));
    } catch (...) {
      one_is_lost();
      throw;
    }
  }
}

// Whoever finishes the upload must not wait for it.
void S3Upload::one_is_lost() {
  state_.with([](State& s) {
    --s.workers;
    if (s.stage == Stage::beginning) s.stage = Stage::unbegun;
    if (!s.failure) s.failure = Error(ErrorKind::unavailable, "a part could not be sent");
  });
  changed_.notify();
}

std::optional<S3Upload::Piece> S3Upload::take() {
  auto piece = state_.with([](State& s) -> std::optional<Piece> {
    auto number = s.parts + 1;
    auto left = s.size - s.taken;
    bool more = !s.failure && (left >= part_bytes(number) || (s.all && left > 0));
    if (!more || number > kMostParts) {
      --s.workers;
      if (more) s.failure = Error(ErrorKind::unavailable, "too large for an S3 object");
      return std::nullopt;
    }
    Piece next{number, s.taken, std::min(left, part_bytes(number))};
    s.parts = number;
    s.taken += next.length;
    return next;
  });
  if (!piece) changed_.notify();
  return piece;
}

void S3Upload::fail_with(Error error) {
  state_.with([&](State& s) {
    if (!s.failure) s.failure = std::move(error);
  });
}

boost::asio::awaitable<void> S3Upload::run(std::shared_ptr<S3Upload> self) {
  try {
    co_await self->work();
  } catch (...) {  // its group tells of it
    self->one_is_lost();
    throw;
  }
}

boost::asio::awaitable<void> S3Upload::clean_up(std::shared_ptr<S3Upload> self) {
  co_await self->abort();
}

boost::asio::awaitable<void> S3Upload::work() {
  if (state_.with([](const State& s) { return s.stage == Stage::beginning; })) {
    auto begun = co_await begin();
    if (!begun) fail_with(std::move(begun).error());
    state_.with([](State& s) { s.stage = s.upload_id.empty() ? Stage::unbegun : Stage::begun; });
    hire();
  }
  auto id = state_.with([](const State& s) { return s.upload_id; });
  while (auto piece = take()) {
    auto etag = co_await put_part(*piece, id);
    if (!etag) {
      fail_with(std::move(etag).error().while_doing("uploading a part"));
      continue;  // take() lets us go
    }
    state_.with([&](State& s) { s.etags[piece->number] = std::move(*etag); });
  }
}

Task<void> S3Upload::begin() {
  S3Request request{.verb = fetch::Verb::post,
                    .path = path_,
                    .query = {{"uploads", ""}},
                    .headers = storage_class_of(deps_),
                    .retry = kPatient};
  auto deadline = Deadline::after(kSmallTime);
  CO_TRY(auto answer, co_await deps_.client.ask(std::move(request), deadline));
  if (!answer.good()) co_return std::unexpected(answer.why());
  CO_TRY(auto text, co_await S3Client::read_text(std::move(answer), kMaxAnswer, deadline));
  CO_TRY(auto id, parse_upload_id(text));
  state_.with([&](State& s) { s.upload_id = std::move(id); });
  co_return Result<void>();
}

Task<std::string> S3Upload::put_part(Piece piece, const std::string& upload_id) {
  S3Request request{
      .verb = fetch::Verb::put,
      .path = path_,
      .query = {{"partNumber", std::to_string(piece.number)}, {"uploadId", upload_id}},
      .body = fetch::FileBody{file_, piece.offset, piece.length},
      .retry = kPatient,
      .head_time = 60s};
  CO_TRY(auto answer, co_await deps_.client.ask(std::move(request), Deadline::after(kPartTime)));
  if (!answer.good()) co_return std::unexpected(answer.why());
  if (answer.http.etag.empty())
    co_return fail(ErrorKind::unavailable, "the S3 server: a part without an ETag");
  co_return answer.http.etag;
}

Task<void> S3Upload::put_whole(std::uint64_t size) {
  S3Request request{.verb = fetch::Verb::put,
                    .path = path_,
                    .headers = storage_class_of(deps_),
                    .retry = kPatient,
                    .head_time = 60s};
  if (size > 0) request.body = fetch::FileBody{file_, 0, size};
  CO_TRY(auto answer, co_await deps_.client.ask(std::move(request), Deadline::after(kPartTime)));
  if (!answer.good()) co_return std::unexpected(answer.why());
  co_return Result<void>();
}

Task<void> S3Upload::finish() {
  auto [size, begun] = state_.with([](State& s) {
    s.all = true;
    return std::pair(s.size, s.stage != Stage::unbegun || s.failure.has_value());
  });
  if (!begun && size <= kFirstPartBytes) co_return co_await put_whole(size);
  hire();
  CO_TRY(co_await wait_for_parts());
  co_return co_await complete();
}

// Each part has a deadline, so that this ends.
Task<void> S3Upload::wait_for_parts() {
  for (;;) {
    auto seen = changed_.version();
    bool done = state_.with([](const State& s) { return s.workers == 0; });
    if (done) break;
    co_await changed_.wait_past(seen, Deadline::never());
  }
  auto failure = state_.with([](const State& s) { return s.failure; });
  if (failure) co_return std::unexpected(std::move(*failure));
  co_return Result<void>();
}

Task<void> S3Upload::complete() {
  auto [id, size, parts] = state_.with([](const State& s) {
    CHECK(s.taken == s.size && s.etags.size() == static_cast<std::size_t>(s.parts));
    std::vector<Part> all;
    all.reserve(s.etags.size());
    for (const auto& [number, etag] : s.etags) all.push_back({number, etag});
    return std::tuple(s.upload_id, s.size, std::move(all));
  });
  auto deadline = Deadline::after(kCompletionTime);
  for (unsigned tries = 1;; ++tries) {
    S3Request request{.verb = fetch::Verb::post,
                      .path = path_,
                      .query = {{"uploadId", id}},
                      .body = print_completion(parts),
                      .retry = kPatient,
                      .head_time = 2min};
    CO_TRY(auto answer, co_await deps_.client.ask(std::move(request), deadline));
    bool again = tries > 1 || answer.attempts > 1;
    // An attempt whose answer was lost may have completed it.
    if (answer.meaning == Meaning::no_such_upload && again)
      co_return co_await check_completed(size);
    if (!answer.good()) co_return std::unexpected(answer.why());
    auto text = co_await S3Client::read_text(std::move(answer), kMaxAnswer, deadline);
    auto completion = text ? parse_completion(*text) : std::unexpected(std::move(text).error());
    if (completion && !completion->error) break;
    if (completion) {
      auto meaning = meaning_of(200, *completion->error);
      if (!passing(meaning)) co_return std::unexpected(describe(meaning, 200, *completion->error));
    }
    if (tries == 5)
      co_return fail(ErrorKind::unavailable, "the S3 server does not say how an upload ended");
    co_await sleep_for(tries * 500ms);
  }
  state_.with([](State& s) { s.upload_id.clear(); });  // nothing to give up any more
  co_return Result<void>();
}

// The upload is gone: then the object is there, and is ours if it has our length.
Task<void> S3Upload::check_completed(std::uint64_t size) {
  S3Request request{.path = path_, .retry = kPatient};
  CO_TRY(auto answer, co_await deps_.client.ask(std::move(request), Deadline::after(kSmallTime)));
  if (answer.meaning != Meaning::good || answer.http.content_length != size)
    co_return fail(ErrorKind::unavailable, "the S3 server has lost an upload");
  state_.with([](State& s) { s.upload_id.clear(); });
  co_return Result<void>();
}

void S3Upload::give_up() {
  fail_with(Error(ErrorKind::unavailable, "given up"));
  bool sent = state_.with([](const State& s) { return s.stage != Stage::unbegun; });
  if (!sent) return;
  deps_.group.spawn(deps_.runtime.next_executor(), "s3 abort", clean_up(shared_from_this()));
}

// A part that arrives after an abort would stay, so those under way are waited for.
boost::asio::awaitable<void> S3Upload::abort() {
  static_cast<void>(co_await wait_for_parts());
  auto id = state_.with([](const State& s) { return s.upload_id; });
  if (id.empty()) co_return;
  S3Request request{.verb = fetch::Verb::del,
                    .path = path_,
                    .query = {{"uploadId", id}},
                    .closing = Closing::goes_on};
  auto answer = co_await deps_.client.ask(std::move(request), Deadline::after(kSmallTime));
  if (answer && (answer->good() || answer->meaning == Meaning::no_such_upload)) co_return;
  log::warn("an upload could not be aborted; it is tried again when it is a day old",
            {{"path", path_}, {"error", answer ? answer->why().what() : answer.error().what()}});
}

}  // namespace ncps::s3
