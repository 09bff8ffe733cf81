// FaultyClient: a real HttpClient, of whose requests one fails when the test says so, and, if it
// says that too, all after it. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "fetch/http_client.h"
#include "storage/s3/testing/refusal.h"

namespace ncps::s3::testing {

enum class Broken : std::uint8_t {
  refused,    // nobody is there
  internal,   // 500
  slow_down,  // 503
  denied,     // 403
  cut,        // the server has done it; its answer breaks off
  lost,       // the server has done it; of its answer nothing comes
  thrown,     // an exception, as of a bug or a lack of memory
};

// The first half of the first piece of another body, and then an Error.
class CutBody final : public ByteSource {
 public:
  explicit CutBody(std::unique_ptr<ByteSource> inner) : inner_(std::move(inner)) {}

  Task<Piece> next() override {
    if (!inner_) co_return fail(ErrorKind::upstream, "the test cuts the connection");
    auto piece = co_await inner_->next();
    if (piece)
      if (const auto* text = std::get_if<std::string_view>(&*piece))
        half_ = std::string(text->substr(0, text->size() / 2));
    inner_.reset();
    if (half_.empty()) co_return fail(ErrorKind::upstream, "the test cuts the connection");
    co_return Piece(std::string_view(half_));
  }

 private:
  std::unique_ptr<ByteSource> inner_;
  std::string half_;
};

class FaultyClient final : public fetch::HttpClient {
 public:
  explicit FaultyClient(std::unique_ptr<fetch::HttpClient> inner) : inner_(std::move(inner)) {}

  // The n-th request from now on, counted from 1. `then`: called when it fails; if it is given, all
  // later ones are refused.
  void fail_nth(int n, Broken how, std::function<void()> then = {}) {
    std::lock_guard lock(mutex_);
    left_ = n;
    how_ = how;
    then_ = std::move(then);
    fired_ = dead_ = false;
  }
  // What has not failed yet does not any more.
  void disarm() {
    std::lock_guard lock(mutex_);
    left_ = 0;
  }
  bool fired() const {
    std::lock_guard lock(mutex_);
    return fired_;
  }

  boost::asio::awaitable<fetch::HttpResult> fetch(fetch::HttpRequest request,
                                                  Deadline deadline) override {
    auto how = next();
    if (!how) co_return co_await inner_->fetch(std::move(request), deadline);
    switch (*how) {
      case Broken::refused: co_return failure(fetch::Blame::unreachable);
      case Broken::internal: co_return refusal(500, "InternalError");
      case Broken::slow_down: co_return refusal(503, "SlowDown");
      case Broken::denied: co_return refusal(403, "AccessDenied");
      case Broken::thrown: throw std::runtime_error("the test makes this request throw");
      case Broken::cut:
      case Broken::lost: break;
    }
    auto answer = co_await inner_->fetch(std::move(request), deadline);
    if (!answer || *how == Broken::lost) co_return failure(fetch::Blame::broken);
    answer->body = std::make_unique<CutBody>(std::move(answer->body));
    co_return answer;
  }

  void stop() override { inner_->stop(); }

 private:
  static fetch::HttpResult failure(fetch::Blame blame) {
    return std::unexpected(
        fetch::HttpFailure{Error(ErrorKind::upstream, "the test fails this request"), blame});
  }

  std::optional<Broken> next() {
    std::function<void()> then;
    std::optional<Broken> how;
    {
      std::lock_guard lock(mutex_);
      if (dead_) return Broken::refused;
      if (left_ == 0 || --left_ > 0) return std::nullopt;
      fired_ = true;
      dead_ = static_cast<bool>(then_);
      how = how_;
      then = then_;
    }
    if (then) then();
    return how;
  }

  const std::unique_ptr<fetch::HttpClient> inner_;
  mutable std::mutex mutex_;
  int left_ = 0;
  Broken how_ = Broken::refused;
  std::function<void()> then_;
  bool fired_ = false, dead_ = false;
};

}  // namespace ncps::s3::testing
