#include "server/accept.h"

#include <string>

#include "fuzzing/fuzz_target.h"

namespace ncps::server {

FUZZ_TARGET(accept) {
  bool html = prefers_html(input);
  std::string upper, spaced;
  for (char c : input) {
    upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    bool mark = c == ',' || c == ';';
    spaced.append(mark ? " " : "").append(1, c).append(mark ? "\t " : "");
  }
  CHECK(!html || upper.contains("TEXT/HTML"));
  CHECK(prefers_html(upper) == html && prefers_html(spaced) == html);
  // What is named again last counts, and nothing that was said before hides it.
  std::string text(input);
  CHECK(!prefers_html(text + ",text/html;q=0"));
  CHECK(prefers_html(text + ",text/html;q=0.5,application/json;q=0.4"));
  CHECK(!prefers_html(text + ",application/json, text/html;q=0.999"));
  CHECK(prefers_html(text + ",*/*;q=1,image/x") == html);
}

}  // namespace ncps::server
