// What an answer of an S3 server means to a store. Pure.
//
// "Absent" is only what the server itself says of the object: a 404 with NoSuchKey. A 404 without a
// document (HEAD, a proxy in between that has lost its server) leaves the question open.
// Source: Amazon S3 API Reference, "Error responses"; codes of Ceph, MinIO and Garage.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "storage/s3/s3_xml.h"

namespace ncps::s3 {

enum class Meaning : std::uint8_t {
  good,            // 2xx
  absent,          // confirmed: no such object
  no_such_upload,  // completed or aborted already, or never begun
  no_such_bucket,
  exists,           // what was to be written only if absent is there
  out_of_range,     // the object is shorter than the first byte asked for
  denied,           // the reason is in describe()
  expired,          // the session is over: with new credentials it may succeed
  elsewhere,        // another region or endpoint; the error's region says which
  slow_down,        // later, and less at a time
  try_again,        // the server's trouble, or the connection's
  not_implemented,  // by this server, as conditional writes by many
  refused,          // anything else: the same request again will not help
};

Meaning meaning_of(int status, const ErrorDocument& error);

// True if the same request may succeed soon: slow_down, try_again.
bool passing(Meaning meaning);

// The answer as an Error. Kinds: not_found for absent and no_such_upload, conflict for exists, else
// unavailable. The sentence says what an administrator can do about it, and holds no secret.
// REQUIRES: it is not good.
Error describe(Meaning meaning, int status, const ErrorDocument& error);

}  // namespace ncps::s3
