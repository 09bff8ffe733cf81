// The texts in which credentials come: shared files, and answers of STS and metadata services.
// Pure. No Error repeats a value of a text, because it may be a secret.
//
// Sources: AWS SDKs and Tools Reference Guide, "Shared config and credentials files"; STS API
// Reference, "AssumeRoleWithWebIdentity"; EC2 User Guide, "Instance metadata service".
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "storage/s3/credentials.h"

namespace ncps::s3 {

// The keys of "[profile]" in ~/.aws/credentials. Absent: there is no such profile, or it has
// nothing that we know. Errors: invalid: one key without the other, or a profile that has no keys
// but another way to get them (role_arn, credential_process, sso_…), which we do not have.
Result<std::optional<Credentials>> parse_shared_file(std::string_view text,
                                                     std::string_view profile);

// Answer of STS. Errors: unavailable.
Result<Credentials> parse_web_identity(std::string_view xml);

// Answer of an instance's or a container's metadata service. Errors: unavailable.
Result<Credentials> parse_metadata(std::string_view json);

}  // namespace ncps::s3
