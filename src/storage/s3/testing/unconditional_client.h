// UnconditionalClient: a real HttpClient, as if its server had no conditional writes: what says
// If-None-Match is answered as Amazon did before it had them. Thread-safe.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "fetch/http_client.h"
#include "storage/s3/testing/refusal.h"

namespace ncps::s3::testing {

class UnconditionalClient final : public fetch::HttpClient {
 public:
  // What somebody else does meanwhile.
  using Other = std::function<boost::asio::awaitable<void>()>;

  explicit UnconditionalClient(std::unique_ptr<fetch::HttpClient> inner)
      : inner_(std::move(inner)) {}

  // When the next PUT has been carried out, before its answer is heard.
  void after_next_put(Other other) {
    std::lock_guard lock(mutex_);
    other_ = std::move(other);
  }

  // The n-th request from now on for something below config/, counted from 1, is denied.
  void deny_nth(int n) {
    std::lock_guard lock(mutex_);
    left_ = n;
  }
  // Whether it has come to that.
  bool denied() const {
    std::lock_guard lock(mutex_);
    return left_ == 0;
  }

  boost::asio::awaitable<fetch::HttpResult> fetch(fetch::HttpRequest request,
                                                  Deadline deadline) override {
    auto conditional = [](const auto& header) { return header.first == "if-none-match"; };
    if (std::ranges::any_of(request.headers, conditional)) co_return refusal(501, "NotImplemented");
    if (is_the_nth(request.url)) co_return refusal(403, "AccessDenied");
    bool put = request.verb == fetch::Verb::put;
    auto answer = co_await inner_->fetch(std::move(request), deadline);
    if (auto other = put ? take() : nullptr) co_await other();
    co_return answer;
  }

  void stop() override { inner_->stop(); }

 private:
  bool is_the_nth(const std::string& url) {
    std::lock_guard lock(mutex_);
    return left_ > 0 && url.find("/config/") != std::string::npos && --left_ == 0;
  }

  Other take() {
    std::lock_guard lock(mutex_);
    return std::exchange(other_, nullptr);
  }

  const std::unique_ptr<fetch::HttpClient> inner_;
  mutable std::mutex mutex_;
  Other other_;
  int left_ = 0;
};

}  // namespace ncps::s3::testing
