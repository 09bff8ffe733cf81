#include "http/request_head.h"

#include <algorithm>

#include "fuzzing/fuzz_target.h"

namespace ncps::http {
namespace {

constexpr std::size_t kMostTarget = 256;

// What the scanner says when the bytes come one by one.
HeadScanner scanned_bytewise(std::string_view text, HeadScanner::State& state) {
  HeadScanner scanner;
  state = HeadScanner::State::incomplete;
  for (std::size_t size = 1; size <= text.size(); ++size) {
    state = scanner.scan(text.substr(0, size));
    if (state != HeadScanner::State::incomplete) break;
  }
  return scanner;
}

// The value of a header found by splitting lines: slow and simple.
std::string_view naive_header(std::string_view lines, std::string_view name) {
  auto lower = [](unsigned char c) { return std::tolower(c); };
  while (!lines.empty()) {
    auto line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(line.size() + 2);
    auto colon = line.find(':');
    if (!std::ranges::equal(line.substr(0, colon), name, {}, lower, lower)) continue;
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    return value;
  }
  return {};
}

}  // namespace

FUZZ_TARGET(request_head) {
  HeadScanner whole;
  HeadScanner::State bytewise_state;
  auto state = whole.scan(input);
  auto bytewise = scanned_bytewise(input, bytewise_state);
  CHECK(state == bytewise_state);
  if (state != HeadScanner::State::complete) return;
  CHECK(whole.size() == bytewise.size() && whole.first_line() == bytewise.first_line());
  auto text = input.substr(0, whole.size());
  CHECK(text.ends_with("\r\n\r\n") || text == "\r\n");

  RequestHead head;
  auto refusal = read_head(text, kMostTarget, head);
  if (refusal.status != 0) {
    CHECK(refusal.status >= 400 && refusal.status < 600 && !refusal.what.empty());
    return;
  }
  // What is taken has one meaning: one line of request, one length, one Host at most.
  CHECK(head.target.size() <= kMostTarget && head.path.starts_with('/'));
  for (char c : head.target) CHECK(c > 0x20 && c < 0x7f);
  CHECK(!(head.content_length && head.has_body && *head.content_length == 0));
  CHECK(!head.expects_continue || head.has_body);
  for (auto name : {"host", "Content-Length", "transfer-encoding", "range", "x"})
    CHECK(head.header(name) == naive_header(head.lines, name));
  if (head.content_length) CHECK(head.header("transfer-encoding").empty());
  // NUL and other control characters but tabs stay outside; so does a bare CR.
  for (char c : head.lines)
    CHECK(c == '\r' || c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f) || c < 0);
  CHECK(std::ranges::count(head.lines, '\r') == std::ranges::count(head.lines, '\n'));
}

}  // namespace ncps::http
