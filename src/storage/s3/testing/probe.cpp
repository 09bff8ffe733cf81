// s3_probe: the pure parts of this room as a program, for tests that have a real server or another
// implementation to compare with. One JSON object a line in, one out.
//
// To sign a request:
//   in:  method, query and headers ([[name, value]...]), access_key, secret_key, token, region,
//        time (seconds since 1970), payload (a hash or UNSIGNED-PAYLOAD), presign (seconds; absent:
//        headers are signed), and either host and path, or bucket, endpoint, path_style, prefix and
//        key (absent: the bucket itself)
//   out: origin, host, path and query as they go over the wire, headers to add
//
// To read an answer:
//   in:  read (objects, uploads, upload_id, completion or meaning), body, status
//   out: result
//
// To print the list of parts that completes an upload:
//   in:  parts ([[number, etag]...])
//   out: result
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "storage/s3/s3_address.h"
#include "storage/s3/s3_meaning.h"
#include "storage/s3/s3_xml.h"
#include "storage/s3/sigv4.h"

namespace {

using namespace ncps;
using nlohmann::json;

struct Ask {
  s3::UnsignedRequest request;
  s3::Credentials credentials;
  std::string origin, region;
};

Result<Ask> read(const json& in) {
  Ask ask;
  ask.request.method = in.at("method");
  ask.request.query = in.value("query", s3::Fields());
  ask.request.headers = in.value("headers", s3::Fields());
  ask.credentials.access_key = in.at("access_key");
  ask.credentials.secret_key = in.at("secret_key");
  ask.credentials.session_token = in.value("token", "");
  ask.region = in.value("region", "");
  if (in.contains("host")) {
    ask.request.host = in.at("host");
    ask.request.path = in.at("path");
    return ask;
  }
  s3::AddressOptions options;
  options.bucket = in.at("bucket");
  options.endpoint = in.at("endpoint");
  options.region = ask.region;
  options.key_prefix = in.value("prefix", "");
  if (in.value("path_style", false)) options.force_path_style = s3::ForcePathStyle::yes;
  TRY(auto address, s3::Address::parse(options));
  ask.origin = address.origin();
  ask.region = address.region();
  ask.request.host = address.host();
  ask.request.path = in.contains("key") ? address.object_path(in.at("key").get<std::string>())
                                        : address.bucket_path();
  return ask;
}

json result(json value) {
  return json{{"result", std::move(value)}};
}

Result<json> read_answer(const json& in) {
  std::string what = in.at("read"), body = in.at("body");
  if (what == "objects") {
    TRY(auto page, s3::parse_object_page(body));
    auto out = json::array();
    for (const auto& object : page.objects) out.push_back({object.key, object.size});
    return result({{"objects", out}, {"next", page.next}});
  }
  if (what == "uploads") {
    TRY(auto page, s3::parse_upload_page(body));
    auto out = json::array();
    for (const auto& upload : page.uploads)
      out.push_back({upload.key, upload.upload_id, upload.begun.time_since_epoch().count()});
    return result({{"uploads", out}, {"next", {page.next_key, page.next_upload_id}}});
  }
  if (what == "upload_id") {
    TRY(auto id, s3::parse_upload_id(body));
    return result(id);
  }
  if (what == "completion") {
    TRY(auto completion, s3::parse_completion(body));
    return result({completion.etag, completion.error ? completion.error->code : ""});
  }
  int status = in.at("status");
  auto error = s3::parse_error(body);
  auto meaning = s3::meaning_of(status, error);
  if (meaning == s3::Meaning::good) return result("good");
  return result(s3::describe(meaning, status, error).what());
}

Result<json> print_parts(const json& in) {
  std::vector<s3::Part> parts;
  for (const auto& part : in.at("parts")) parts.push_back({part.at(0), part.at(1)});
  return result(s3::print_completion(parts));
}

Result<json> sign(const json& in) {
  TRY(auto ask, read(in));
  std::chrono::sys_seconds now(std::chrono::seconds(in.at("time").get<std::int64_t>()));
  json out{{"origin", ask.origin},
           {"host", ask.request.host},
           {"path", s3::encode_path(ask.request.path)},
           {"query", s3::encode_query(ask.request.query)},
           {"headers", json::array()}};
  if (in.contains("presign")) {
    std::chrono::seconds valid_for(in.at("presign").get<std::int64_t>());
    TRY(auto query, s3::presigned_query(ask.request, ask.credentials, ask.region, now, valid_for));
    out["query"] = query;
  } else {
    out["headers"] = s3::signed_headers(ask.request, ask.credentials, ask.region, now,
                                        in.at("payload").get<std::string>());
  }
  return out;
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    auto in = json::parse(line);
    auto out = in.contains("read")    ? read_answer(in)
               : in.contains("parts") ? print_parts(in)
                                      : sign(in);
    if (!out) out = json{{"error", out.error().what()}};
    std::cout << out->dump() << '\n' << std::flush;
  }
}
