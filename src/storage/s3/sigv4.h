// AWS Signature Version 4 as S3 wants it: the path is encoded once and never normalised.
// Pure: the time is an argument.
//
// Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "storage/s3/credentials.h"

namespace ncps::s3 {

using Fields = std::vector<std::pair<std::string, std::string>>;  // name, value; names may repeat

// Everything here is as it means, not yet encoded; what goes over the wire is encode_path(path) and
// encode_query(query), which is what was signed.
struct UnsignedRequest {
  std::string method;
  std::string host;  // the Host header, with the port if that is not the scheme's own
  std::string path;  // begins with '/'
  Fields query;
  Fields headers;  // all of them are signed, so only those that arrive unchanged; without host
};

// In place of a hash: the signature does not cover the body. Only over TLS, which does.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

std::string payload_hash(std::string_view body);

// Percent-encoding of all but A-Z a-z 0-9 - . _ ~; encode_path leaves '/' alone, too.
std::string encode_path(std::string_view path);
std::string encode_query(Fields query);  // sorted; "" if there is none

// The headers to add to the request: authorization, x-amz-date, x-amz-content-sha256, and
// x-amz-security-token if there is a session. `payload`: payload_hash(body) or kUnsignedPayload.
// REQUIRES: none of them is among request.headers.
Fields signed_headers(const UnsignedRequest& request, const Credentials& credentials,
                      std::string_view region, std::chrono::sys_seconds now,
                      std::string_view payload);

// The query of a URL that anybody may use, with that method and until it expires, as we could:
// "https://" + host + encode_path(path) + "?" + this. It is a secret for as long.
// Errors: invalid: `valid_for` is not between 1 s and 7 days.
Result<std::string> presigned_query(const UnsignedRequest& request, const Credentials& credentials,
                                    std::string_view region, std::chrono::sys_seconds now,
                                    std::chrono::seconds valid_for);

// Steps of the above, for tests and for reading a server's complaint about them.
std::string canonical_request(const UnsignedRequest& request, std::string_view payload);
std::string string_to_sign(std::string_view canonical_request, std::string_view region,
                           std::chrono::sys_seconds now);

}  // namespace ncps::s3
