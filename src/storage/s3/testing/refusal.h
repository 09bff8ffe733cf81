// Answers that a test gives in the place of a server.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "fetch/http_client.h"

namespace ncps::s3::testing {

// A body of one piece.
class OneText final : public ByteSource {
 public:
  explicit OneText(std::string text) : text_(std::move(text)) {}
  Task<Piece> next() override {
    last_ = std::exchange(text_, {});
    co_return Piece(std::string_view(last_));
  }

 private:
  std::string text_, last_;
};

// With S3's document of that code as its body.
inline fetch::HttpResult refusal(int status, const std::string& code) {
  fetch::HttpAnswer answer;
  answer.status = status;
  auto text = "<Error><Code>" + code + "</Code><Message>the test</Message></Error>";
  answer.content_length = text.size();
  answer.body = std::make_unique<OneText>(std::move(text));
  return answer;
}

}  // namespace ncps::s3::testing
