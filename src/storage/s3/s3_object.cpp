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

class ObjectBlob final : public storage::Blob {
 public:
  ObjectBlob(Object object, std::unique_ptr<ByteSource> body)
      : object_(std::make_shared<const Object>(std::move(object))), body_(std::move(body)) {}

  std::uint64_t size() const noexcept override { return object_->size; }

  std::unique_ptr<ByteSource> read(std::uint64_t first, std::uint64_t length) override {
    CHECK(first <= size() && length <= size() - first);
    // The answer that opened us goes to the first who wants the whole; a part is asked for as one,
    // so that not all of it is on its way when it is given up.
    bool whole = first == 0 && length == size();
    auto body = whole ? std::move(body_) : nullptr;
    if (!whole) body_.reset();
    return std::make_unique<ObjectSource>(object_, first, length, std::move(body));
  }

 private:
  const std::shared_ptr<const Object> object_;
  std::unique_ptr<ByteSource> body_;  // at 0; null: given away
};

}  // namespace

Task<std::unique_ptr<storage::Blob>> open_object(S3Client& client, std::string path,
                                                 Deadline deadline) {
  S3Request request{.path = path};
  CO_TRY(auto answer, co_await client.ask(std::move(request), deadline));
  if (answer.meaning == Meaning::absent) co_return nullptr;
  if (!answer.good()) co_return std::unexpected(answer.why());
  if (answer.http.status != 200 || !answer.http.content_length)
    co_return fail(ErrorKind::unavailable, "the S3 server: an object without a length");
  Object object{client, std::move(path), answer.http.etag, *answer.http.content_length};
  co_return std::make_unique<ObjectBlob>(std::move(object), std::move(answer.http.body));
}

}  // namespace ncps::s3
