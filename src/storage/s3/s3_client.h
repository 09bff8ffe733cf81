// S3Client: one signed request to the bucket's server, sent again where its answer says so.
//
// Signs with the credentials of the moment. Over TLS the body is not part of the signature; over
// plain HTTP its hash is, taken on the CPU pool. Thread-safe; what it is made of must outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "fetch/http_client.h"
#include "fetch/retry_delay.h"
#include "rt/deadline.h"
#include "rt/offload.h"
#include "storage/s3/credential_keeper.h"
#include "storage/s3/s3_address.h"
#include "storage/s3/s3_meaning.h"
#include "storage/s3/sigv4.h"

namespace ncps::s3 {

// For requests that somebody waits for, and for those behind the scenes, which outlast a restart of
// the server.
inline constexpr fetch::RetryPolicy kImpatient{.attempts = 6};
inline constexpr fetch::RetryPolicy kPatient{.attempts = 25};

// Whether a request is still made when the client closes: only what tidies up.
enum class Closing : bool { fails, goes_on };

struct S3Request {
  fetch::Verb verb = fetch::Verb::get;
  std::string path;  // of the server, not encoded: Address::object_path or bucket_path
  Fields query = {};
  Fields headers = {};  // all of them are signed
  fetch::Body body = {};
  fetch::RetryPolicy retry = kImpatient;
  std::chrono::milliseconds head_time{15'000};  // until the answer begins
  Closing closing = Closing::fails;
};

// What was answered in the end. Of a good one the body is still to be read; of the others it has
// been, and says why.
struct S3Answer {
  Meaning meaning = Meaning::good;
  ErrorDocument error;
  fetch::HttpAnswer http;
  unsigned attempts = 1;  // more than one: an earlier one may have been carried out

  bool good() const noexcept { return meaning == Meaning::good; }
  Error why() const { return describe(meaning, http.status, error); }  // REQUIRES: not good
};

class S3Client {
 public:
  S3Client(Address address, fetch::HttpClient& http, CredentialKeeper& keeper, Pool& cpu)
      : address_(std::move(address)), http_(http), keeper_(keeper), cpu_(cpu) {}

  const Address& address() const noexcept { return address_; }

  // Errors: unavailable: no answer, no credentials, or the deadline has passed.
  Task<S3Answer> ask(S3Request request, Deadline deadline);

  // A URL for whoever has it, as presigned_query. Errors: unavailable: no credentials.
  Task<std::string> presign(fetch::Verb verb, std::string path, std::chrono::seconds valid_for,
                            Deadline deadline);

  // From now on nothing is asked, or asked again, but what tidies up.
  void close() { closing_ = true; }

  // The whole of a good answer's body. Errors: unavailable, also if it is longer than `limit`.
  static Task<std::string> read_text(S3Answer answer, std::size_t limit, Deadline deadline);

 private:
  struct Tried;
  Task<std::string> hash_of(const fetch::Body& body);
  boost::asio::awaitable<Tried> try_once(const S3Request& request, const std::string& payload,
                                         Deadline deadline);

  const Address address_;
  fetch::HttpClient& http_;
  CredentialKeeper& keeper_;
  Pool& cpu_;
  std::atomic<bool> closing_{false};
};

}  // namespace ncps::s3
