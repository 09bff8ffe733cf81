#include "db/soci/dialect.h"

#include <algorithm>

namespace ncps::db {
namespace {

// What SOCI adds to what() holds the statement with its values; this does not.
std::string message_of(const std::exception& e) {
  if (const auto* ours = dynamic_cast<const soci::soci_error*>(&e))
    return ours->get_error_message();
  return e.what();
}

void mask(std::string& text, std::string_view secret) {
  if (secret.empty()) return;
  for (auto at = text.find(secret); at != text.npos; at = text.find(secret, at))
    text.replace(at, secret.size(), "********");
}

}  // namespace

Error Dialect::error(const std::exception& e) const {
  auto text = message_of(e);
  mask(text, url_.password);
  if (auto it = url_.options.find("sslpassword"); it != url_.options.end()) mask(text, it->second);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  std::ranges::replace_if(text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  Error error(ErrorKind::unavailable, where(url_) + ": " + text);
  return no_space(e) ? std::move(error).for_want_of_space() : error;
}

std::unique_ptr<Dialect> make_dialect(const DatabaseUrl& url, const PoolLimits& limits) {
  switch (url.kind) {
    case DatabaseKind::sqlite: return make_sqlite_dialect(url, limits);
    case DatabaseKind::postgresql: return make_postgres_dialect(url, limits);
    case DatabaseKind::mysql: return make_mysql_dialect(url, limits);
  }
  return nullptr;
}

}  // namespace ncps::db
