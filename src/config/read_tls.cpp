#include "config/read_tls.h"

#include <fmt/chrono.h>

#include <optional>

#include "config/private_file.h"
#include "config/text_file.h"
#include "http/certificates.h"

namespace ncps::config {
namespace {

using http::Certificate;
using Chain = std::vector<Certificate>;

constexpr std::string_view kCert = "--server-tls-cert", kKey = "--server-tls-key",
                           kCa = "--server-tls-client-ca", kAuth = "--server-tls-client-auth";

Result<Chain> read_certificates(const std::string& path) {
  auto text = read_text_file(path);
  if (!text) return fail(ErrorKind::invalid, "cannot be read");
  return http::parse_certificates(*text);
}

Result<http::PrivateKey> read_key(const std::string& path) {
  TRY(auto text, read_private_file(path));
  return http::parse_private_key(text);
}

Result<bool> parse_required(std::string_view text) {
  if (text == "require" || text == "optional") return text == "require";
  return fail(ErrorKind::invalid, "is no such word; write require or optional");
}

void warn_of_time(std::string_view flag, const Chain& chain,
                  std::chrono::system_clock::time_point now, std::vector<std::string>& warnings) {
  for (const auto& certificate : chain) {
    auto valid = http::validity_of(certificate);
    auto name = http::names_of(*certificate).front();
    auto day = [](auto time) { return fmt::format("{:%F %T} UTC", fmt::gmtime(time)); };
    if (now >= valid.end)
      warnings.push_back(
          fmt::format("{}: the certificate of {} has expired, {}", flag, name, day(valid.end)));
    if (now < valid.begin)
      warnings.push_back(fmt::format("{}: the certificate of {} is not valid before {}", flag, name,
                                     day(valid.begin)));
  }
}

}  // namespace

void read_tls(Reader& read, ServeOptions& into, std::vector<std::string>& warnings,
              std::chrono::system_clock::time_point now) {
  http::TlsOptions tls;
  read.one(kCert, tls.chain, read_certificates);
  read.one(kKey, tls.key, read_key);
  read.one(kCa, tls.client_authorities, read_certificates);
  bool required = true;
  read.one(kAuth, required, parse_required);
  warn_of_time(kCert, tls.chain, now, warnings);
  warn_of_time(kCa, tls.client_authorities, now, warnings);

  bool cert = read.has(kCert), key = read.has(kKey), ca = read.has(kCa);
  if (cert != key)
    read.mistake(
        fmt::format("{} without {}: TLS needs both", cert ? kCert : kKey, cert ? kKey : kCert));
  if (ca && !cert && !key)
    read.mistake(fmt::format("{} without {}: certificates are shown over TLS alone", kCa, kCert));
  if (read.has(kAuth) && !ca)
    read.mistake(
        fmt::format("{} without {}: by which authority are clients to be known?", kAuth, kCa));
  if (cert && into.listen.is_unix())
    read.mistake(fmt::format("{} with --server-addr={}: a Unix socket stays plain", kCert,
                             into.listen.str()));
  if (tls.chain.empty() || !tls.key || (ca && tls.client_authorities.empty())) return;
  into.certificates_required = required && ca;
  if (into.http2) tls.alpn.insert(tls.alpn.begin(), "h2");
  auto made = http::TlsContext::make(std::move(tls));
  if (made) {
    into.tls = std::move(*made);
  } else {
    read.mistake(fmt::format("{} and {}: {}", kCert, kKey, made.error().what()));
  }
}

}  // namespace ncps::config
