#include "storage/s3/s3_object.h"

#include <fmt/format.h>

#include "base/check.h"
#include "fetch/unit_random.h"
#include "rt/signal.h"
#include "telemetry/log.h"

namespace ncps::s3 {
namespace {

constexpr auto kResumeTime = std::chrono::seconds(30);  // without a byte, in the middle of a body
constexpr fetch::RetryPolicy kPause{.attempts = 1};     // between two tries in the middle of it

// What all sources of one blob share.
struct Object {
  S3Client& client;
  std::string path, etag;
  std::uint64_t size;
};

class ObjectSource final : public ByteSource {
 public:
  // `body`: at `first`, or absent: a GET will be made.
  ObjectSource(std::shared_ptr<const Object> object, std::uint64_t first, std::uint64_t length,
               std::unique_ptr<ByteSource> body)
      : object_(std::move(object)), at_(first), left_(length), body_(std::move(body)) {}

  Task<Piece> next() override {
    while (left_ > 0) {
      if (!body_) CO_TRY(co_await resume());
      auto piece = co_await body_->next();
      if (piece && piece_size(*piece) > 0) {
        auto bytes = std::get<std::string_view>(*piece);
        bytes = bytes.substr(0, left_);
        at_ += bytes.size();
        left_ -= bytes.size();
        breaks_ = 0;
        silent_.reset();
        co_return Piece(bytes);
      }
      auto what = piece ? std::string("ended too early") : piece.error().what();
      body_.reset();
      ++breaks_;
      if (!silent_) silent_ = Deadline::after(kResumeTime);
      log::debug("an S3 object broke off, going on",
                 {{"path", object_->path}, {"at", at_}, {"error", what}});
    }
    body_.reset();
    co_return Piece(std::string_view());
  }

 private:
  // Opens a body at at_.
  Task<void> resume() {
    auto deadline = silent_.value_or(Deadline::after(kResumeTime));
    if (breaks_ > 1) {
      auto delay = fetch::retry_delay(kPause, breaks_ - 1, {}, fetch::unit_random());
      co_await sleep_for(std::min<Deadline::Clock::duration>(delay, deadline.remaining()));
    }
    if (deadline.passed())
      co_return fail(ErrorKind::unavailable,
                     "the S3 server keeps breaking off in " + object_->path);
    S3Request request{.path = object_->path, .retry = kPatient};
    request.headers.emplace_back("range", fmt::format("bytes={}-{}", at_, at_ + left_ - 1));
    if (!object_->etag.empty()) request.headers.emplace_back("if-match", object_->etag);
    CO_TRY(auto answer, co_await object_->client.ask(std::move(request), deadline));
    if (!answer.good()) co_return std::unexpected(why_not(answer));
    const auto& range = answer.http.content_range;
    bool whole = answer.http.status == 200 && at_ == 0 && left_ == object_->size;
    bool part = answer.http.status == 206 && range && range->first == at_ &&
                range->total.value_or(object_->size) == object_->size;
    if (!whole && !part)
      co_return fail(ErrorKind::unavailable, "the S3 server: another range than asked for");
    body_ = std::move(answer.http.body);
    co_return Result<void>();
  }

  static Error why_not(const S3Answer& answer) {
    bool gone = answer.meaning == Meaning::absent || answer.meaning == Meaning::exists ||
                answer.meaning == Meaning::out_of_range;
    if (gone) return Error(ErrorKind::unavailable, "the object was replaced while it was read");
    return answer.why();
  }

  const std::shared_ptr<const Object> object_;
  std::uint64_t at_, left_;
  std::unique_ptr<ByteSource> body_;
  std::optional<Deadline> silent_;  // since a body broke off: until when another has to come
  unsigned breaks_ = 0;             // in a row, without a byte
};

// A running answer: a stretch of an object, on its way.
struct Running {
  std::unique_ptr<ByteSource> body;  // null: given away, or given up
  std::uint64_t first = 0, length = 0;
};

class ObjectBlob final : public storage::Blob {
 public:
  ObjectBlob(Object object, Running opened)
      : object_(std::make_shared<const Object>(std::move(object))), opened_(std::move(opened)) {}

  std::uint64_t size() const noexcept override { return object_->size; }

  std::string version() const override {
    return object_->etag.starts_with("W/") ? std::string() : object_->etag;
  }

  std::unique_ptr<ByteSource> read(std::uint64_t first, std::uint64_t length) override {
    CHECK(first <= size() && length <= size() - first);
    // The answer that opened us goes to the first who wants just that; another part is asked for as
    // one, so that not all of it is on its way when it is given up.
    bool same = first == opened_.first && length == opened_.length;
    auto body = same ? std::move(opened_.body) : nullptr;
    if (!same) opened_.body.reset();
    return std::make_unique<ObjectSource>(object_, first, length, std::move(body));
  }

 private:
  const std::shared_ptr<const Object> object_;
  Running opened_;
};

// No object is so large, and not every server can read larger numbers.
constexpr std::uint64_t kLargest = 1ULL << 50;
constexpr storage::Part kFirstByte{.first = 0, .last = 0};

// As the value of a Range header.
std::string range_of(const storage::Part& part) {
  if (!part.first)
    return part.last == 0 ? "bytes=0-0" : fmt::format("bytes=-{}", std::min(part.last, kLargest));
  auto first = std::min(*part.first, kLargest);
  if (part.last >= kLargest) return fmt::format("bytes={}-", first);
  return fmt::format("bytes={}-{}", first, part.last);
}

Error no_length() {
  return Error(ErrorKind::unavailable, "the S3 server: an object without a length");
}

// REQUIRES: a good answer.
Result<std::unique_ptr<storage::Blob>> blob_of(S3Client& client, std::string path,
                                               S3Answer answer) {
  auto& http = answer.http;
  if (!http.content_length) return std::unexpected(no_length());
  Running opened{.length = *http.content_length};
  auto size = opened.length;
  if (http.status == 206) {
    const auto& range = http.content_range;
    bool within = range && range->total && opened.length <= *range->total &&
                  range->first <= *range->total - opened.length;
    if (!within) return std::unexpected(no_length());
    opened.first = range->first;
    size = *range->total;
  } else if (http.status != 200) {
    return std::unexpected(no_length());
  }
  opened.body = std::move(http.body);
  Object object{client, std::move(path), http.etag, size};
  return std::make_unique<ObjectBlob>(std::move(object), std::move(opened));
}

}  // namespace

Task<std::unique_ptr<storage::Blob>> open_object(S3Client& client, std::string path,
                                                 std::optional<storage::Part> part,
                                                 Deadline deadline) {
  S3Request request{.path = path};
  if (part) request.headers.emplace_back("range", range_of(*part));
  CO_TRY(auto answer, co_await client.ask(request, deadline));
  if (answer.meaning == Meaning::out_of_range && part) {
    // Beyond the end, wherever that is.
    request.headers = {{"range", range_of(kFirstByte)}};
    CO_TRY(answer, co_await client.ask(request, deadline));
    if (answer.meaning == Meaning::out_of_range)
      co_return std::make_unique<ObjectBlob>(Object{client, std::move(path), "", 0}, Running());
  }
  if (answer.meaning == Meaning::absent) co_return nullptr;
  if (!answer.good()) co_return std::unexpected(answer.why());
  if (!part && answer.http.status != 200) co_return std::unexpected(no_length());
  co_return blob_of(client, std::move(path), std::move(answer));
}

Task<std::optional<std::uint64_t>> find_object(S3Client& client, std::string path,
                                               Deadline deadline) {
  CO_TRY(auto blob, co_await open_object(client, std::move(path), kFirstByte, deadline));
  if (!blob) co_return std::nullopt;
  if (blob->size() > 0) {
    auto byte = blob->read(0, 1);  // taken, so that the connection can be used again
    CO_TRY(co_await byte->next());
  }
  co_return blob->size();
}

}  // namespace ncps::s3
