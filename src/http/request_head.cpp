#include "http/request_head.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/verb.hpp>
#include <cstring>
#include <optional>

#include "http/text.h"

namespace ncps::http {
namespace {

namespace beast = boost::beast;
using ErrorCode = beast::error_code;

constexpr Refusal kMalformed{400, "malformed request"};

Method method_of(beast::http::verb verb) {
  switch (verb) {
    case beast::http::verb::get: return Method::get;
    case beast::http::verb::head: return Method::head;
    case beast::http::verb::put: return Method::put;
    case beast::http::verb::post: return Method::post;
    case beast::http::verb::delete_: return Method::delete_;
    default: return Method::other;
  }
}

// Beast checks the grammar; what it reports stays where it is in the buffer, nothing is copied.
class Parser final : public beast::http::basic_parser<true> {
 public:
  explicit Parser(RequestHead& head) : head_(head) {}

  int hosts = 0;
  int lengths = 0;
  int transfer_encodings = 0;
  bool plain_length = true;  // digits and nothing else
  std::string_view transfer_encoding;
  bool expects = false;
  bool expects_other = false;  // than 100-continue

 private:
  void on_request_impl(beast::http::verb verb, beast::string_view method, beast::string_view target,
                       int version, ErrorCode&) override {
    head_.method = method_of(verb);
    head_.method_name = {method.data(), method.size()};
    head_.target = {target.data(), target.size()};
    head_.http_1_0 = version == 10;
  }

  void on_field_impl(beast::http::field name, beast::string_view, beast::string_view value,
                     ErrorCode&) override {
    if (name == beast::http::field::host) ++hosts;
    if (name == beast::http::field::content_length) {
      ++lengths;
      plain_length = std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    }
    if (name == beast::http::field::transfer_encoding) {
      ++transfer_encodings;
      transfer_encoding = {value.data(), value.size()};
    }
    if (name == beast::http::field::expect && !value.empty()) {
      expects = true;
      expects_other = expects_other || !same_word({value.data(), value.size()}, "100-continue");
    }
  }

  void on_response_impl(int, beast::string_view, int, ErrorCode&) override {}
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(beast::string_view, ErrorCode&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, ErrorCode&) override {
    return 0;
  }
  void on_finish_impl(ErrorCode&) override {}

  RequestHead& head_;
};

// True if the first line ends in some "HTTP/x.y": then 505 says more than 400.
bool names_a_version(std::string_view text) {
  auto line = text.substr(0, text.find('\r'));
  auto space = line.rfind(' ');
  if (space == std::string_view::npos || std::ranges::count(line, ' ') != 2) return false;
  auto version = line.substr(space + 1);
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.size() == 8 && version.starts_with("HTTP/") && digit(version[5]) &&
         version[6] == '.' && digit(version[7]);
}

// Takes one line off `lines`, which have been checked: "name:value\r\n" each. nullopt: the line is
// another header's.
std::optional<std::string_view> take_value(std::string_view& lines, std::string_view name) {
  auto end = lines.find('\r');
  auto line = lines.substr(0, end);
  lines.remove_prefix(std::min(end + 2, lines.size()));
  if (line.size() <= name.size() || line[name.size()] != ':' ||
      !same_word(line.substr(0, name.size()), name))
    return std::nullopt;
  return trimmed(line.substr(name.size() + 1));
}

}  // namespace

HeadScanner::State HeadScanner::scan(std::string_view text) {
  while (scanned_ < text.size()) {
    const char* from = text.data() + scanned_;
    const auto* newline = static_cast<const char*>(std::memchr(from, '\n', text.size() - scanned_));
    if (newline == nullptr) {
      scanned_ = text.size();
      return State::incomplete;
    }
    auto at = static_cast<std::size_t>(newline - text.data());
    scanned_ = at + 1;
    if (at == 0 || text[at - 1] != '\r') return State::malformed;
    if (line_ == 0) first_line_ = at + 1;
    if (line_ != 0 && (text[line_] == ' ' || text[line_] == '\t')) return State::malformed;
    if (at - 1 == line_) return State::complete;
    line_ = at + 1;
  }
  return State::incomplete;
}

std::string_view RequestHead::header(std::string_view name) const {
  for (auto rest = lines; !rest.empty();)
    if (auto value = take_value(rest, name)) return *value;
  return {};
}

std::vector<std::string_view> RequestHead::values(std::string_view name) const {
  std::vector<std::string_view> all;
  for (auto rest = lines; !rest.empty();)
    if (auto value = take_value(rest, name)) all.push_back(*value);
  return all;
}

Refusal read_head(std::string_view text, std::size_t max_target_bytes, RequestHead& head) {
  Parser parser(head);
  parser.header_limit(static_cast<std::uint32_t>(text.size() + 1));
  parser.body_limit(boost::none);
  ErrorCode error;
  parser.put(boost::asio::const_buffer(text.data(), text.size()), error);
  if (error == beast::http::error::bad_version && names_a_version(text))
    return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  if (error || !parser.is_header_done()) return kMalformed;

  if (head.target.size() > max_target_bytes) return {414, "the request target is too long"};
  if (parser.hosts > 1 || (parser.hosts == 0 && !head.http_1_0))
    return {400, "a request names its Host once"};
  // "5, 5" is one length to some, and none to others.
  if (parser.lengths > 1 || !parser.plain_length) return {400, "more than one Content-Length"};
  if (parser.transfer_encodings > 0) {
    // RFC 9112 section 6.1: with Content-Length, or in HTTP/1.0, the framing is not to be trusted.
    if (parser.lengths > 0) return {400, "Transfer-Encoding together with Content-Length"};
    if (head.http_1_0) return {400, "Transfer-Encoding in HTTP/1.0"};
    if (parser.transfer_encodings > 1 || !same_word(parser.transfer_encoding, "chunked"))
      return {501, "the only Transfer-Encoding known here is chunked"};
  }
  if (!head.http_1_0 && parser.expects_other)
    return {417, "the only expectation known here is 100-continue"};
  if (!split_target(head)) return {400, "malformed request target"};

  auto first_line = text.find('\n') + 1;
  head.lines = text.substr(first_line, text.size() - first_line - 2);
  head.keep_alive = parser.keep_alive();
  head.has_body = parser.chunked() || parser.content_length().value_or(0) > 0;
  head.content_length.reset();
  if (auto length = parser.content_length()) head.content_length = *length;
  head.expects_continue = head.has_body && !head.http_1_0 && parser.expects;
  head.body = nullptr;
  return {};
}

}  // namespace ncps::http
