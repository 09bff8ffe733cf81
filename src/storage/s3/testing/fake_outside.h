// FakeOutside: files and services that say what a test gave them. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/s3/credential_services.h"

namespace ncps::s3::testing {

class FakeOutside : public Outside {
 public:
  void file(std::string path, std::string text) { files_[std::move(path)] = std::move(text); }
  // `asked`: "GET http://…". What is not given answers nothing, as a host that is not there.
  void answer(std::string asked, int status, std::string body) {
    answers_[std::move(asked)] = HttpReply{status, std::move(body)};
  }

  Task<HttpReply> ask(HttpAsk ask, Deadline) override {
    std::lock_guard lock(mutex_);
    asked_.push_back(ask);
    auto at = answers_.find(ask.method + " " + ask.url);
    if (at == answers_.end()) co_return fail(ErrorKind::timeout, "no answer");
    co_return at->second;
  }

  Task<std::optional<std::string>> read(std::string path) override {
    std::lock_guard lock(mutex_);
    auto at = files_.find(path);
    if (at == files_.end()) co_return std::nullopt;
    co_return at->second;
  }

  std::vector<HttpAsk> asked() const {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> files_;
  std::map<std::string, HttpReply> answers_;
  std::vector<HttpAsk> asked_;
};

}  // namespace ncps::s3::testing
