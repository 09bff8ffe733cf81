#include "storage/s3/s3_meaning.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string>

#include "base/check.h"

namespace ncps::s3 {
namespace {

bool one_of(std::string_view code, std::initializer_list<std::string_view> codes) {
  return std::ranges::find(codes, code) != codes.end();
}

// Codes that mean the same under whatever status they come.
bool says_slow_down(std::string_view code) {
  return one_of(code, {"SlowDown", "SlowDownRead", "SlowDownWrite", "TooManyRequests", "Throttling",
                       "ThrottlingException", "RequestLimitExceeded", "BandwidthLimitExceeded"});
}

bool says_expired(std::string_view code) {
  return one_of(code, {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"});
}

bool says_try_again(std::string_view code) {
  return one_of(code, {"InternalError", "ServiceUnavailable", "RequestTimeout", "IncompleteBody",
                       "OperationAborted", "ConditionalRequestConflict"});
}

bool says_elsewhere(std::string_view code) {
  return one_of(code, {"PermanentRedirect", "TemporaryRedirect", "Redirect",
                       "IllegalLocationConstraintException"});
}

Meaning of_404(std::string_view code) {
  if (code == "NoSuchKey") return Meaning::absent;
  if (code == "NoSuchBucket") return Meaning::no_such_bucket;
  if (code == "NoSuchUpload") return Meaning::no_such_upload;
  return Meaning::refused;
}

// What the codes that come with a 403 say can be done; empty: nothing that we know.
std::string_view advice(std::string_view code) {
  if (code == "SignatureDoesNotMatch") return "the secret access key is wrong";
  if (code == "InvalidAccessKeyId") return "the server does not know this access key";
  if (code == "InvalidToken") return "the session token is wrong";
  if (code == "RequestTimeTooSkewed") return "this machine's clock and the server's differ";
  if (code == "AccessDenied") return "the key may not do this with the bucket";
  if (code == "AccountProblem" || code == "AllAccessDisabled") return "the account is disabled";
  return "";
}

std::string_view sentence(Meaning meaning, std::string_view code) {
  switch (meaning) {
    case Meaning::good: return "";
    case Meaning::absent: return "there is no such object";
    case Meaning::no_such_upload: return "there is no such upload";
    case Meaning::no_such_bucket: return "the bucket does not exist";
    case Meaning::exists: return "the object exists already";
    case Meaning::out_of_range: return "the object is shorter than that";
    case Meaning::denied: return advice(code);
    case Meaning::expired: return "the session has expired";
    case Meaning::elsewhere: return "the bucket is in another region or at another endpoint";
    case Meaning::slow_down: return "the server asks for fewer requests";
    case Meaning::try_again: return "the server is in trouble";
    case Meaning::not_implemented: return "the server does not offer this";
    case Meaning::refused: return "";
  }
  return "";
}

ErrorKind kind_of(Meaning meaning) {
  if (meaning == Meaning::absent || meaning == Meaning::no_such_upload) return ErrorKind::not_found;
  if (meaning == Meaning::exists) return ErrorKind::conflict;
  return ErrorKind::unavailable;
}

}  // namespace

Meaning meaning_of(int status, const ErrorDocument& error) {
  const auto& code = error.code;
  if (status >= 200 && status < 300 && code.empty()) return Meaning::good;
  // Amazon answers for a wrong region with 400 or 301; only then the region is said.
  if (says_elsewhere(code) || (code == "AuthorizationHeaderMalformed" && !error.region.empty()))
    return Meaning::elsewhere;
  if (says_slow_down(code) || status == 429) return Meaning::slow_down;
  if (says_expired(code)) return Meaning::expired;
  if (says_try_again(code)) return Meaning::try_again;
  if (code == "NotImplemented") return Meaning::not_implemented;
  switch (status) {
    case 301:
    case 302:
    case 307:
    case 308: return Meaning::elsewhere;
    case 400: return code == "InvalidToken" ? Meaning::denied : Meaning::refused;
    case 401: return Meaning::denied;
    case 403: return code == "QuotaExceeded" ? Meaning::refused : Meaning::denied;
    case 404: return of_404(code);
    case 408:
    case 500:
    case 502:
    case 503:
    case 504: return Meaning::try_again;
    case 412: return Meaning::exists;
    case 416: return Meaning::out_of_range;
    case 501: return Meaning::not_implemented;
    default: return Meaning::refused;
  }
}

bool passing(Meaning meaning) {
  return meaning == Meaning::slow_down || meaning == Meaning::try_again;
}

Error describe(Meaning meaning, int status, const ErrorDocument& error) {
  CHECK(meaning != Meaning::good);
  auto out = fmt::format("the S3 server answered {}", status);
  if (!error.code.empty()) out += " " + error.code;
  if (auto what = sentence(meaning, error.code); !what.empty()) out += fmt::format(": {}", what);
  if (meaning == Meaning::elsewhere && !error.region.empty())
    out += fmt::format(" ({})", error.region);
  if (!error.message.empty()) out += fmt::format(": {}", error.message);
  if (!error.request_id.empty()) out += fmt::format(" (request {})", error.request_id);
  return Error(kind_of(meaning), std::move(out));
}

}  // namespace ncps::s3
