// Where credentials are looked for, in this order; the first place that is named decides:
//
//   1. options          --cache-storage-s3-access-key-id, --cache-storage-s3-secret-access-key
//   2. environment      AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//   3. web identity     AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME
//                       (at AWS_ENDPOINT_URL_STS, else Amazon's of the region)
//   4. shared file      AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials; AWS_PROFILE, else
//                       "default"
//   5. container        AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with
//                       AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN
//   6. instance         the metadata service, unless AWS_EC2_METADATA_DISABLED=true (at
//                       AWS_EC2_METADATA_SERVICE_ENDPOINT, if that is set)
//
// A place that is named and does not work is an Error: nobody becomes somebody else unnoticed.
// An empty variable counts as unset. Source: AWS SDKs and Tools Reference Guide.
#pragma once

#include <map>
#include <string>

#include "storage/s3/credential_services.h"

namespace ncps::s3 {

struct CredentialOptions {
  std::string access_key, secret_key;  // of our own options; both, or none
  std::string region;                  // whose STS is asked; empty: AWS_REGION, else the global one
  std::map<std::string, std::string> environment;  // HOME as well
};

// Errors: invalid (a place is named half or wrong; no restart will mend it), unavailable, timeout.
// `outside` must live until it returns.
Task<Credentials> find_credentials(CredentialOptions options, Outside& outside, Deadline deadline);

}  // namespace ncps::s3
