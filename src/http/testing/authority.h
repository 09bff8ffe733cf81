// An authority that signs certificates, for tests.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <string>

#include "http/certificates.h"
#include "http/tls_context.h"

namespace ncps::http::testing {

struct Identity {
  Certificate certificate;
  PrivateKey key;
};

struct Wanted {
  std::string common_name = "somebody";
  std::string alternative_names = {};   // "DNS:a,URI:b"
  long begin = -3600, end = 24 * 3600;  // seconds from now
  bool authority = false;
};

class Authority {
 public:
  explicit Authority(const std::string& name = "authority")
      : self_(make({.common_name = name, .authority = true}, nullptr)) {}

  Identity sign(const Wanted& wanted) const { return make(wanted, &self_); }
  const Certificate& certificate() const { return self_.certificate; }

  // Of a server, named localhost.
  TlsOptions options() const {
    auto own = sign({.common_name = "localhost", .alternative_names = "DNS:localhost"});
    TlsOptions options;
    options.chain = {own.certificate};
    options.key = own.key;
    return options;
  }

 private:
  static void extend(X509* certificate, int what, const std::string& value) {
    auto* extension = ::X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
    ::X509_add_ext(certificate, extension, -1);
    ::X509_EXTENSION_free(extension);
  }

  static Identity make(const Wanted& wanted, const Identity* signer) {
    static std::atomic<long> serial = 1;
    PrivateKey key(::EVP_EC_gen("P-256"), ::EVP_PKEY_free);
    Certificate made(::X509_new(), ::X509_free);
    ::X509_set_version(made.get(), 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(made.get()), serial++);
    ::X509_gmtime_adj(::X509_getm_notBefore(made.get()), wanted.begin);
    ::X509_gmtime_adj(::X509_getm_notAfter(made.get()), wanted.end);
    ::X509_set_pubkey(made.get(), key.get());
    auto* subject = ::X509_get_subject_name(made.get());
    if (!wanted.common_name.empty())
      ::X509_NAME_add_entry_by_txt(
          subject, "CN", MBSTRING_UTF8,
          reinterpret_cast<const unsigned char*>(wanted.common_name.c_str()), -1, -1, 0);
    ::X509_set_issuer_name(made.get(),
                           signer ? ::X509_get_subject_name(signer->certificate.get()) : subject);
    if (wanted.authority) extend(made.get(), NID_basic_constraints, "critical,CA:TRUE");
    if (!wanted.alternative_names.empty())
      extend(made.get(), NID_subject_alt_name, wanted.alternative_names);
    ::X509_sign(made.get(), signer ? signer->key.get() : key.get(), ::EVP_sha256());
    return {made, key};
  }

  Identity self_;
};

inline std::string text_of(BIO* bio) {
  char* text = nullptr;
  auto size = ::BIO_get_mem_data(bio, &text);
  std::string copy(text, static_cast<std::size_t>(size));
  ::BIO_free(bio);
  return copy;
}

inline std::string pem(const Certificate& certificate) {
  auto* bio = ::BIO_new(::BIO_s_mem());
  ::PEM_write_bio_X509(bio, certificate.get());
  return text_of(bio);
}

inline std::string pem(const PrivateKey& key, std::string pass_phrase = "") {
  auto* bio = ::BIO_new(::BIO_s_mem());
  ::PEM_write_bio_PKCS8PrivateKey(bio, key.get(),
                                  pass_phrase.empty() ? nullptr : ::EVP_aes_128_cbc(),
                                  pass_phrase.empty() ? nullptr : pass_phrase.data(),
                                  static_cast<int>(pass_phrase.size()), nullptr, nullptr);
  return text_of(bio);
}

}  // namespace ncps::http::testing
