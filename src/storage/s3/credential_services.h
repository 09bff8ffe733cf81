// The services that give credentials for a while: how each is asked.
//
// Sources: STS API Reference, "AssumeRoleWithWebIdentity"; AWS SDKs and Tools Reference Guide,
// "Container credential provider"; EC2 User Guide, "Instance metadata service" (version 2 only).
// No Error repeats a token.
#pragma once

#include <optional>
#include <string>

#include "rt/deadline.h"
#include "rt/task.h"
#include "storage/s3/credentials.h"
#include "storage/s3/sigv4.h"

namespace ncps::s3 {

struct HttpAsk {
  std::string method, url;
  Fields headers;
  std::string body;  // of a POST: a form
};

struct HttpReply {
  int status = 0;
  std::string body;
};

// What is needed of the world outside. Thread-safe.
class Outside {
 public:
  virtual ~Outside() = default;

  // One request, the whole of its answer (at most 1 MiB); no redirects. Errors: unavailable,
  // timeout.
  virtual Task<HttpReply> ask(HttpAsk ask, Deadline deadline) = 0;

  // The whole of a small file. Absent: there is none. Errors: unavailable.
  virtual Task<std::optional<std::string>> read(std::string path) = 0;
};

struct WebIdentity {
  std::string endpoint;  // of STS, without '/' at its end
  std::string token_file, role, session_name;
};
// Errors: invalid (no token file), unavailable, timeout.
Task<Credentials> ask_web_identity(WebIdentity from, Outside& outside, Deadline deadline);

struct ContainerService {
  std::string url;
  std::string token;       // for the Authorization header; or
  std::string token_file;  // where it is written, anew from time to time
};
// True for https, and for http to this machine or to the addresses that container runtimes have for
// it: nobody else may be told the token.
bool is_trusted_container_url(std::string_view url);
Task<Credentials> ask_container(ContainerService from, Outside& outside, Deadline deadline);

// Of the role that the instance has. `endpoint`: "http://169.254.169.254" unless told otherwise.
// Gives up after 2 s for each of three requests, because most machines are no instances.
Task<Credentials> ask_instance(std::string endpoint, Outside& outside, Deadline deadline);

}  // namespace ncps::s3
