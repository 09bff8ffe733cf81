#include "server/accept.h"

#include <charconv>

#include "http/text.h"

namespace ncps::server {
namespace {

using http::same_word;
using http::trimmed;

// What comes before the next `mark`; `rest` goes on behind it.
std::string_view take(std::string_view& rest, char mark) {
  auto end = rest.find(mark);
  auto part = rest.substr(0, end);
  rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  return trimmed(part);
}

// In thousandths. What is no weight counts as none.
int weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    auto one = take(parameters, ';');
    if (one.size() < 3 || !same_word(one.substr(0, 2), "q=")) continue;
    double weight = 0;
    auto text = one.substr(2);
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
    bool good = error == std::errc() && end == text.data() + text.size();
    return good && weight >= 0 && weight <= 1 ? static_cast<int>(weight * 1000) : 0;
  }
  return 1000;
}

}  // namespace

bool prefers_html(std::string_view accept) {
  int html = 0, json = 0;
  while (!accept.empty()) {
    auto range = take(accept, ',');
    auto type = take(range, ';');
    if (same_word(type, "text/html")) html = weight_of(range);
    if (same_word(type, "application/json")) json = weight_of(range);
  }
  return html > 0 && html >= json;
}

}  // namespace ncps::server
