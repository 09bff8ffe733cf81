// Certificates and private keys, as PEM files hold them. Pure; thread-safe.
//
// Source: RFC 7468 (PEM), RFC 5280 (certificates).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// OpenSSL's.
struct x509_st;
struct evp_pkey_st;

namespace ncps::http {

using Certificate = std::shared_ptr<x509_st>;
using PrivateKey = std::shared_ptr<evp_pkey_st>;

// All of a file, in its order; what else stands there (a key) is skipped. Errors: invalid, if there
// is none, or one is broken.
Result<std::vector<Certificate>> parse_certificates(std::string_view pem);

// The first one. Errors: invalid, if there is none, it is broken, or encrypted: nobody is there who
// could be asked for a pass phrase.
Result<PrivateKey> parse_private_key(std::string_view pem);

bool fits(const PrivateKey& key, const Certificate& certificate);

// What is before or after all times of that clock is its first or last second.
struct Validity {
  std::chrono::system_clock::time_point begin, end;
};
Validity validity_of(const Certificate& certificate);

// By which names a certificate can be known: its alternative names (DNS, mail, URI), then its common
// names, each once. Without those that hold anything but printable ASCII: they are compared with
// words of a file, and stand in the log. Never empty: where nothing is left, it is kNameless.
inline constexpr std::string_view kNameless = "(without a name)";
std::vector<std::string> names_of(const x509_st& certificate);

}  // namespace ncps::http
