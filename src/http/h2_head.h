// The head of a response in HTTP/2: the same headers as in HTTP/1.1, without those that speak of the
// connection. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/h2/machine.h"
#include "http/response.h"
#include "http/response_head.h"

namespace ncps::http {

class H2Head {
 public:
  // `response` and `date` outlive it.
  H2Head(const Response& response, bool head_only, DateLine& date);

  std::span<const h2::Field> fields() const noexcept { return fields_; }

 private:
  void add_lines(std::string_view head);

  std::string status_, length_;
  std::vector<h2::Field> fields_;  // views into the two, and into what the constructor was given
};

}  // namespace ncps::http
