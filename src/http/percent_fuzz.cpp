#include "http/percent.h"

#include <curl/curl.h>

#include <memory>

#include "fuzzing/fuzz_target.h"

namespace ncps::http {
namespace {

// As libcurl decodes it, which leaves broken escapes as they are.
std::string by_curl(std::string_view text) {
  if (text.empty()) return {};
  int size = 0;
  std::unique_ptr<char, decltype(&curl_free)> out(
      curl_easy_unescape(nullptr, text.data(), static_cast<int>(text.size()), &size), &curl_free);
  CHECK(out);
  return {out.get(), static_cast<std::size_t>(size)};
}

std::string one_slash(std::string_view text) {
  std::string out;
  for (char c : text)
    if (c != '/' || !out.ends_with('/')) out += c;
  return out;
}

}  // namespace

FUZZ_TARGET(percent) {
  auto path = decode_path(input);
  auto theirs = by_curl(input);
  if (!path) {
    bool broken = false;
    for (auto at = input.find('%'); at != input.npos; at = input.find('%', at + 1)) {
      auto hex = input.substr(at + 1, 2);
      broken =
          broken || hex.size() < 2 || hex.find_first_not_of("0123456789abcdefABCDEF") != hex.npos;
    }
    for (char c : theirs) broken = broken || c < 0x20 || c == 0x7f;
    auto segments = "/" + one_slash(theirs) + "/";
    CHECK(broken || segments.contains("/./") || segments.contains("/../"));
    return;
  }
  CHECK(*path == one_slash(theirs));
  CHECK(path->size() <= input.size() && !path->contains("//"));
  for (char c : *path) CHECK(c >= 0x20 && c < 0x7f);
  auto segments = "/" + *path + "/";
  CHECK(!segments.contains("/../") && !segments.contains("/./"));
}

}  // namespace ncps::http
