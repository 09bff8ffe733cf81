#include "http/certificates.h"

#include <algorithm>

#include "fuzzing/fuzz_target.h"

namespace ncps::http {
namespace {

std::string as_pem(std::string_view what, std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    if (at % 48 == 0) text += '\n';
    auto three = bytes.substr(at, 3);
    unsigned value = 0;
    for (std::size_t i = 0; i < 3; ++i)
      value = value << 8 | (i < three.size() ? static_cast<unsigned char>(three[i]) : 0);
    for (std::size_t i = 0; i < 4; ++i)
      text += i <= three.size() ? kDigits[value >> (18 - 6 * i) & 63] : '=';
  }
  std::string name(what);
  return "-----BEGIN " + name + "-----" + text + "\n-----END " + name + "-----\n";
}

void check_certificate(const Certificate& certificate) {
  auto names = names_of(*certificate);
  CHECK(!names.empty());
  for (const auto& name : names) {
    CHECK(!name.empty() && std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; }));
    CHECK(std::ranges::count(names, name) == 1);
  }
  validity_of(certificate);
}

}  // namespace

// The first byte chooses: a file as it is, or what stands in the file of a certificate or of a key.
FUZZ_TARGET(certificates) {
  auto how = fuzzing::take_byte(input) % 3;
  auto text = how == 0   ? std::string(input)
              : how == 1 ? as_pem("CERTIFICATE", input)
                         : as_pem("PRIVATE KEY", input);
  auto found = parse_certificates(text);
  CHECK(!found || !found->empty());
  if (found)
    for (const auto& certificate : *found) check_certificate(certificate);
  // What else stands in the file is skipped, and twice is two.
  if (how == 1 && found) {
    auto twice = parse_certificates("a word\n" + text + as_pem("X", "y") + text);
    CHECK(twice && twice->size() == 2 * found->size());
  }
  // There is no key in it, and each look for one costs OpenSSL milliseconds.
  if (how == 1) return;
  auto key = parse_private_key(text);
  if (key && found) fits(*key, found->front());
  auto refused = parse_private_key(fuzzing::with_secret(text));
  if (!refused) CHECK(!refused.error().what().contains(fuzzing::kSecret));
}

}  // namespace ncps::http
