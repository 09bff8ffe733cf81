#include "config/serve_options.h"

#include <fstream>
#include <sstream>

#include "base/result.h"

namespace ncps::config {
namespace {

Result<bool> parse_bool(std::string_view text) {
  for (auto yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == yes) return true;
  for (auto no : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == no) return false;
  return fail(ErrorKind::invalid, "is neither true nor false");
}

Result<log::Level> parse_level(std::string_view text) {
  using log::Level;
  for (auto level : {Level::trace, Level::debug, Level::info, Level::warn, Level::error,
                     Level::fatal, Level::panic})
    if (text == log::to_string(level)) return level;
  return fail(ErrorKind::invalid,
              "is no level; write trace, debug, info, warn, error, fatal or panic");
}

Result<std::string> parse_hostname(std::string_view text) {
  if (text.find("://") != text.npos)
    return fail(ErrorKind::invalid, "has a scheme; write the host name alone");
  if (text.find('/') != text.npos)
    return fail(ErrorKind::invalid, "has a path; write the host name alone");
  if (text.find_first_of(": \t\r\n") != text.npos) {
    return fail(ErrorKind::invalid, "holds ':' or white space, which the name of a key may not");
  }
  return std::string(text);
}

Result<std::filesystem::path> parse_path(std::string_view text) {
  return std::filesystem::absolute(std::filesystem::path(text));
}

Result<nix::SecretKey> read_key_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorKind::invalid, "cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  auto key = nix::SecretKey::parse(std::move(text).str());
  if (!key) return fail(ErrorKind::invalid, "holds no signing key: " + key.error().what());
  return key;
}

// Collects the mistakes of one reading.
class Reader {
 public:
  explicit Reader(const RawValues& values) : values_(values) {}

  template <class T, class Parse>
  void one(std::string_view flag, T& into, Parse parse) {
    auto it = values_.find(flag);
    if (it != values_.end()) take(it->second, it->second.values.back(), into, parse);
  }

  template <class T, class Parse>
  void many(std::string_view flag, std::vector<T>& into, Parse parse) {
    auto it = values_.find(flag);
    if (it == values_.end()) return;
    for (const auto& text : it->second.values) {
      std::optional<T> value;
      take(it->second, text, value, parse);
      if (value) into.push_back(std::move(*value));
    }
  }

  void require(std::string_view flag, std::string_view why) {
    if (values_.contains(flag)) return;
    mistakes_.push_back(std::string(flag) + " is missing: " + std::string(why));
  }

  std::vector<std::string> mistakes() && { return std::move(mistakes_); }

 private:
  template <class T, class Parse>
  void take(const RawValue& raw, const std::string& text, T& into, Parse parse) {
    auto parsed = parse(text);
    if (parsed) {
      into = std::move(*parsed);
      return;
    }
    // A URL may hold a password, so it is shown without.
    mistakes_.push_back(raw.origin + ": '" + upstream::masked_url(text) + "' " +
                        parsed.error().what());
  }

  const RawValues& values_;
  std::vector<std::string> mistakes_;
};

}  // namespace

ReadOptions read_serve_options(const RawValues& values) {
  ServeOptions o;
  Reader read(values);
  read.one("--log-level", o.log_level, parse_level);
  read.require("--cache-hostname", "give the name of this cache, such as cache.example.org");
  read.one("--cache-hostname", o.hostname, parse_hostname);
  read.require("--cache-storage-local", "give the directory that is to keep the cache");
  read.one("--cache-storage-local", o.storage_local, parse_path);
  std::optional<db::DatabaseUrl> database;
  read.one("--cache-database-url", database, db::parse_database_url);
  o.database =
      database ? database->sqlite_path : o.storage_local / "var" / "ncps" / "db" / "db.sqlite";
  o.temp_path = std::filesystem::temp_directory_path();
  read.one("--cache-temp-path", o.temp_path, parse_path);
  read.require("--cache-upstream-url", "give a cache to ask, such as https://cache.nixos.org");
  read.many("--cache-upstream-url", o.upstreams, upstream::UpstreamUrl::parse);
  read.many("--cache-upstream-public-key", o.upstream_keys, nix::PublicKey::parse);
  read.one("--cache-sign-narinfo", o.sign_narinfo, parse_bool);
  read.one("--cache-sign-unverified", o.sign_unverified, parse_bool);
  read.one("--cache-secret-key-path", o.secret_key, read_key_file);
  read.one("--server-addr", o.listen, http::parse_listen_address);
  return {.options = std::move(o), .mistakes = std::move(read).mistakes()};
}

}  // namespace ncps::config
