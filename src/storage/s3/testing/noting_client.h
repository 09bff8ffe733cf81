// NotingClient: a real HttpClient, which notes what it is told to send. Thread-safe.
#pragma once

#include <unistd.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "fetch/http_client.h"

namespace ncps::s3::testing {

struct Noted {
  fetch::Verb verb;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // Empty: it has none of that name.
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return "";
  }
  // Whether its signature holds the server to that header.
  bool is_signed(std::string_view name) const {
    auto said = header("authorization");
    auto first = said.find("SignedHeaders=") + 14;
    auto names = ";" + said.substr(first, said.find(',', first) - first) + ";";
    return names.find(";" + std::string(name) + ";") != std::string::npos;
  }
};

class NotingClient final : public fetch::HttpClient {
 public:
  explicit NotingClient(std::unique_ptr<fetch::HttpClient> inner) : inner_(std::move(inner)) {}

  boost::asio::awaitable<fetch::HttpResult> fetch(fetch::HttpRequest request,
                                                  Deadline deadline) override {
    {
      std::lock_guard lock(mutex_);
      noted_.push_back({request.verb, request.url, request.headers, bytes_of(request.body)});
    }
    co_return co_await inner_->fetch(std::move(request), deadline);
  }

  void stop() override { inner_->stop(); }

  std::vector<Noted> noted() const {
    std::lock_guard lock(mutex_);
    return noted_;
  }

 private:
  static std::string bytes_of(const fetch::Body& body) {
    if (const auto* text = std::get_if<std::string>(&body)) return *text;
    const auto* part = std::get_if<fetch::FileBody>(&body);
    if (part == nullptr) return "";
    std::string bytes(part->length, '\0');
    auto n =
        ::pread(part->file->get(), bytes.data(), bytes.size(), static_cast<off_t>(part->offset));
    CHECK(n == static_cast<ssize_t>(bytes.size()));
    return bytes;
  }

  const std::unique_ptr<fetch::HttpClient> inner_;
  mutable std::mutex mutex_;
  std::vector<Noted> noted_;
};

}  // namespace ncps::s3::testing
