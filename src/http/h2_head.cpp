#include "http/h2_head.h"

#include <memory>
#include <variant>

#include "http/response_writer.h"

namespace ncps::http {

H2Head::H2Head(const Response& response, bool head_only, DateLine& date) {
  fields_.reserve(response.headers.size() + 8);
  const auto* prepared = prepared_of(response);
  status_ = std::to_string(status_of(response));
  fields_.push_back({":status", status_});
  if (prepared != nullptr) {
    add_lines(prepared->head);
  } else {
    for (const auto& header : response.headers) fields_.push_back({header.name, header.value});
    auto frame = frame_of(response, {.head_only = head_only});
    length_ = std::to_string(frame.length);
    if (frame.framing == Framing::length) fields_.push_back({"content-length", length_});
  }
  add_lines(date.text());
}

// "Name: value\r\n", each; what has no colon is the status line.
void H2Head::add_lines(std::string_view head) {
  while (!head.empty()) {
    auto end = head.find("\r\n");
    auto line = head.substr(0, end);
    head.remove_prefix(line.size() + 2);
    if (auto colon = line.find(": "); colon != std::string_view::npos)
      fields_.push_back({line.substr(0, colon), line.substr(colon + 2)});
  }
}

}  // namespace ncps::http
