// The head of a request in HTTP/2: the fields as they come, and what they ask for. Pure.
//
// Source: RFC 9113 section 8. What is malformed libnghttp2 has refused before; here is judged what
// HTTP/1 judges as well, with the same limits and the same answers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "http/request.h"
#include "http/request_target.h"

namespace ncps::http {

class H2Request final : public Request {
 public:
  struct Limits {
    std::size_t head_bytes;  // names, values and 32 for each, as RFC 9113 section 6.5.2 counts
    std::size_t target_bytes;
  };

  // Keeps a field; beyond the limit nothing more is kept, and judge() says so.
  void add(std::string_view name, std::string_view value, std::size_t most);

  // All fields are here; `has_body`: some may follow. Sets the views. Refuses with 400, 414, 417 or 431.
  Refusal judge(const Limits& limits, bool has_body);

  // ":authority" is the Host.
  std::string_view header(std::string_view name) const override;

  // Of all fields of that name, in their order.
  std::vector<std::string_view> values(std::string_view name) const;

  std::size_t size() const noexcept { return size_; }  // as head_bytes counts
  bool has_body = false;
  bool expects_continue = false;

 private:
  struct Place {
    std::size_t name, value, end;  // in text_
  };

  std::string_view find(std::string_view name) const;

  std::string text_;
  std::vector<Place> places_;
  std::size_t size_ = 0;
};

}  // namespace ncps::http
