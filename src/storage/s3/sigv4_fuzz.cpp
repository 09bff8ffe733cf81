#include "storage/s3/sigv4.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "fuzzing/fuzz_target.h"

namespace ncps::s3 {
namespace {

std::string undone(std::string_view text) {
  if (text.empty()) return {};
  int size = 0;
  std::unique_ptr<char, decltype(&curl_free)> out(
      curl_easy_unescape(nullptr, text.data(), static_cast<int>(text.size()), &size), &curl_free);
  return {out.get(), static_cast<std::size_t>(size)};
}

// Names and values from lines "name value".
Fields fields_of(std::string_view text) {
  Fields out;
  while (!text.empty() && out.size() < 8) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    auto space = std::min(line.find(' '), line.size());
    out.emplace_back(line.substr(0, space), line.substr(std::min(space + 1, line.size())));
  }
  return out;
}

bool is_encoded(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           more.contains(c);
  });
}

}  // namespace

FUZZ_TARGET(sigv4) {
  auto path = "/" + std::string(input);
  CHECK(undone(encode_path(path)) == path && is_encoded(encode_path(path), "-._~%/"));
  auto query = fields_of(input);
  CHECK(is_encoded(encode_query(query), "-._~%=&"));

  UnsignedRequest request{
      .method = "GET", .host = "bucket.example", .path = path, .query = query, .headers = {}};
  auto text = canonical_request(request, kUnsignedPayload);
  // The order in which a query is written changes nothing; another method, host or path all.
  std::ranges::reverse(request.query);
  CHECK(canonical_request(request, kUnsignedPayload) == text);
  CHECK(std::ranges::count(text, '\n') == 6);  // nothing of the input begins a line
  std::chrono::sys_seconds now(std::chrono::seconds(1'700'000'000));
  Credentials who{.access_key = "key",
                  .secret_key = std::string(fuzzing::kSecret),
                  .session_token = {},
                  .expires = {},
                  .from = {}};
  auto headers = signed_headers(request, who, "us-east-1", now, kUnsignedPayload);
  request.path += "x";
  CHECK(signed_headers(request, who, "us-east-1", now, kUnsignedPayload) != headers);
  for (const auto& [name, value] : headers)
    CHECK(!value.contains('\n') && !value.contains(fuzzing::kSecret));
}

}  // namespace ncps::s3
