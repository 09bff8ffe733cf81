// Who we are to an S3 server. Secrets: neither secret_key nor session_token may get into a message.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace ncps::s3 {

struct Credentials {
  std::string access_key;  // the name of the key: no secret
  std::string secret_key;
  std::string session_token;                        // empty: of a lasting key
  std::optional<std::chrono::sys_seconds> expires;  // absent: never
  std::string from;  // where they were found, for messages: "AWS_ACCESS_KEY_ID"
};

}  // namespace ncps::s3
