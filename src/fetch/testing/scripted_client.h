// ScriptedClient: an HttpClient that answers what a test wrote down, and remembers what it was
// asked. For one thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fetch/http_client.h"

namespace ncps::fetch::testing {

// Gives its pieces, then the end or an Error.
class ScriptedBody final : public ByteSource {
 public:
  explicit ScriptedBody(std::deque<std::string> pieces, std::optional<Error> error = {})
      : pieces_(std::move(pieces)), error_(std::move(error)) {}

  Task<Piece> next() override {
    if (pieces_.empty()) {
      if (error_) co_return std::unexpected(*error_);
      co_return Piece(std::string_view());
    }
    current_ = std::move(pieces_.front());
    pieces_.pop_front();
    co_return Piece(std::string_view(current_));
  }

 private:
  std::deque<std::string> pieces_;
  std::optional<Error> error_;
  std::string current_;
};

// The same piece again and again, and no end. Counts how often it was asked.
class EndlessBody final : public ByteSource {
 public:
  EndlessBody(std::string piece, std::size_t& asked) : piece_(std::move(piece)), asked_(asked) {}

  Task<Piece> next() override {
    ++asked_;
    co_return Piece(std::string_view(piece_));
  }

 private:
  std::string piece_;
  std::size_t& asked_;
};

inline HttpAnswer answer(int status, std::string body = "") {
  HttpAnswer out;
  out.status = status;
  out.content_length = body.size();
  std::deque<std::string> pieces;
  if (!body.empty()) pieces.push_back(std::move(body));
  out.body = std::make_unique<ScriptedBody>(std::move(pieces));
  return out;
}

class ScriptedClient final : public HttpClient {
 public:
  // One per call of fetch(), in order. After the last one every call fails as our own mistake.
  void then(HttpAnswer next) { script_.push_back(std::move(next)); }
  void then(int status, std::string body = "") { then(answer(status, std::move(body))); }
  void then(Error error, Blame blame) {
    script_.push_back(std::unexpected(HttpFailure{std::move(error), blame}));
  }
  void then(ErrorKind kind, std::string what) {
    then(Error(kind, std::move(what)),
         kind == ErrorKind::internal ? Blame::nobody : Blame::unreachable);
  }
  void then(Blame blame) { then(Error(ErrorKind::upstream, "no answer"), blame); }

  // From now on called at the beginning of each fetch().
  void at_each(std::function<void()> what) { at_each_ = std::move(what); }

  boost::asio::awaitable<HttpResult> fetch(HttpRequest request, Deadline) override {
    asked.push_back(std::move(request));
    if (at_each_) at_each_();
    if (script_.empty()) {
      co_return std::unexpected(
          HttpFailure{Error(ErrorKind::internal, "not in the script"), Blame::nobody});
    }
    auto next = std::move(script_.front());
    script_.pop_front();
    co_return next;
  }

  void stop() override {}

  std::size_t left() const { return script_.size(); }

  std::vector<HttpRequest> asked;

 private:
  std::deque<HttpResult> script_;
  std::function<void()> at_each_;
};

}  // namespace ncps::fetch::testing
