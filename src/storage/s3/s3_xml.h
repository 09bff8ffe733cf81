// The XML documents of S3: what a server answers, and what completes a multipart upload.
//
// Source: Amazon S3 API Reference. Every parser bounds its input (16 MiB), expands no entities but
// XML's own five, and reads nothing from elsewhere. A document that is not the expected one is an
// Error, unavailable: could not find out. Of what a server says only what is named here is kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ncps::s3 {

inline constexpr std::size_t kMaxXmlBytes = 16 << 20;

// An answer that says no. Fields are empty if the server does not say them.
struct ErrorDocument {
  std::string code;     // "NoSuchKey"
  std::string message;  // one printable line of at most 300 bytes
  std::string request_id;
  std::string region;  // where the bucket is instead, or what should have been signed for
};

// An empty body, HTML, or anything else that is no error document: all fields are empty.
ErrorDocument parse_error(std::string_view body);

struct ListedObject {
  std::string key;  // with the bucket's prefix
  std::uint64_t size = 0;
  std::chrono::sys_seconds modified = {};
};

struct ObjectPage {
  std::vector<ListedObject> objects;
  std::string next;  // the continuation-token of the next page; empty: this is the last one
};
Result<ObjectPage> parse_object_page(std::string_view body);  // ListObjectsV2

struct ListedUpload {
  std::string key, upload_id;
  std::chrono::sys_seconds begun;
};

struct UploadPage {
  std::vector<ListedUpload> uploads;
  // key-marker and upload-id-marker of the next page; both empty: this is the last one
  std::string next_key, next_upload_id;
};
Result<UploadPage> parse_upload_page(std::string_view body);  // ListMultipartUploads

Result<std::string> parse_upload_id(std::string_view body);  // CreateMultipartUpload

// CompleteMultipartUpload: the status is 200 before the server knows how it ends. An error is not
// an Error here: the server did answer, and meaning_of(200, error) says what it means.
struct Completion {
  std::string etag;                    // may be empty
  std::optional<ErrorDocument> error;  // present: the upload has failed
};
Result<Completion> parse_completion(std::string_view body);

struct Part {
  int number = 0;    // 1 to 10,000, ascending
  std::string etag;  // as the server's answer to its PUT had it, with its quotes
};
std::string print_completion(std::span<const Part> parts);  // the body that asks for it

}  // namespace ncps::s3
