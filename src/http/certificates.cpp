#include "http/certificates.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

namespace ncps::http {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&::BIO_free)>;

Bio open_text(std::string_view text) {
  return {::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), ::BIO_free};
}

// What OpenSSL has to say about a file that holds nothing of the kind.
bool is_end_of_file() {
  auto error = ::ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

// It is asked for a pass phrase only where a key is encrypted.
int note_encryption(char*, int, int, void* noted) {
  *static_cast<bool*>(noted) = true;
  return -1;
}

// Our clock has the years 1678 to 2262, certificates have 0 to 9999; that is what they write who have no
// end (RFC 5280 section 4.1.2.5).
std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  using Clock = std::chrono::system_clock;
  using std::chrono::seconds;
  std::tm parts{};
  if (::ASN1_TIME_to_tm(time, &parts) != 1) return {};
  constexpr auto kFirst = std::chrono::ceil<seconds>(Clock::time_point::min().time_since_epoch());
  constexpr auto kLast = std::chrono::floor<seconds>(Clock::time_point::max().time_since_epoch());
  return Clock::time_point(std::clamp(seconds(::timegm(&parts)), kFirst, kLast));
}

void add(std::vector<std::string>& names, const ASN1_STRING* text) {
  unsigned char* bytes = nullptr;
  auto size = ::ASN1_STRING_to_UTF8(&bytes, text);
  if (size <= 0) return;
  std::string name(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  ::OPENSSL_free(bytes);
  auto odd = [](char c) { return c < ' ' || c > '~'; };
  if (std::ranges::any_of(name, odd) || std::ranges::find(names, name) != names.end()) return;
  names.push_back(std::move(name));
}

}  // namespace

Result<std::vector<Certificate>> parse_certificates(std::string_view pem) {
  ::ERR_clear_error();
  auto text = open_text(pem);
  std::vector<Certificate> found;
  while (auto* one = ::PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr))
    found.emplace_back(one, ::X509_free);
  bool whole = is_end_of_file();
  ::ERR_clear_error();
  if (found.empty() && whole) return fail(ErrorKind::invalid, "holds no certificate in PEM form");
  if (!whole)
    return fail(ErrorKind::invalid,
                "holds a broken certificate, number " + std::to_string(found.size() + 1));
  return found;
}

Result<PrivateKey> parse_private_key(std::string_view pem) {
  ::ERR_clear_error();
  auto text = open_text(pem);
  bool encrypted = false;
  PrivateKey key(::PEM_read_bio_PrivateKey(text.get(), nullptr, note_encryption, &encrypted),
                 ::EVP_PKEY_free);
  bool none = pem.find("PRIVATE KEY-----") == pem.npos;
  ::ERR_clear_error();
  if (key) return key;
  if (encrypted)
    return fail(ErrorKind::invalid,
                "holds an encrypted key, and nobody is there to be asked for its pass phrase: "
                "decrypt it with `openssl pkey -in OLD -out NEW`");
  return fail(ErrorKind::invalid,
              none ? "holds no private key in PEM form" : "holds a broken private key");
}

bool fits(const PrivateKey& key, const Certificate& certificate) {
  bool fitting = ::X509_check_private_key(certificate.get(), key.get()) == 1;
  ::ERR_clear_error();
  return fitting;
}

Validity validity_of(const Certificate& certificate) {
  return {.begin = time_of(::X509_get0_notBefore(certificate.get())),
          .end = time_of(::X509_get0_notAfter(certificate.get()))};
}

std::vector<std::string> names_of(const x509_st& certificate) {
  std::vector<std::string> names;
  auto* others = static_cast<GENERAL_NAMES*>(
      ::X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(others); ++i) {
    const auto* name = sk_GENERAL_NAME_value(others, i);
    if (name->type == GEN_DNS || name->type == GEN_EMAIL || name->type == GEN_URI)
      add(names, name->d.ia5);  // each of the three is an IA5String there
  }
  ::GENERAL_NAMES_free(others);
  auto* subject = ::X509_get_subject_name(&certificate);
  for (int at = -1; (at = ::X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
    add(names, ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject, at)));
  ::ERR_clear_error();
  if (names.empty()) names.emplace_back(kNameless);
  return names;
}

}  // namespace ncps::http
