// Certificates for the servers of tests, made by openssl in a folder:
//
//   ca.pem       an authority, which signed
//   server.pem   with server.key: good for localhost, not for 127.0.0.1
//   other.pem    an authority that did not
#pragma once

#include <filesystem>

namespace ncps::testing {

// Throws, with what openssl says, if it fails.
void make_certificates(const std::filesystem::path& folder);

}  // namespace ncps::testing
