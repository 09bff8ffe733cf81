#include "config/read_s3.h"

#include <unistd.h>

#include <algorithm>

namespace ncps::config {
namespace {

// One of the address's options at a time, so that the mistake is said of that one.
template <class Set>
auto address_with(Set set) {
  return [set](std::string_view text) -> Result<std::string> {
    s3::AddressOptions options{.bucket = "some-bucket"};
    set(options) = text;
    auto parsed = s3::Address::parse(options);
    if (!parsed) return fail(ErrorKind::invalid, "cannot be used: " + parsed.error().what());
    return std::string(text);
  };
}

Result<std::string> parse_storage_class(std::string_view text) {
  auto good = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  if (text.empty() || !std::ranges::all_of(text, good))
    return fail(ErrorKind::invalid, "is no storage class; write one such as STANDARD_IA");
  return std::string(text);
}

Result<std::filesystem::path> parse_ca_file(std::string_view text) {
  TRY(auto path, parse_path(text));
  if (::access(path.c_str(), R_OK) != 0) return fail(ErrorKind::invalid, "cannot be read");
  return path;
}

// Fewer would let the parts of one upload keep everybody else out.
Result<std::size_t> parse_transfers(std::string_view text) {
  TRY(auto count, parse_count(text));
  if (count < 16 || count > 16'384) return fail(ErrorKind::invalid, "must be 16 to 16384");
  return std::size_t{count};
}

Result<std::string> as_it_is(std::string_view text) {
  return std::string(text);
}

}  // namespace

s3::S3Options read_s3(Reader& read) {
  s3::S3Options o;
  auto& at = o.address;
  using Options = s3::AddressOptions;
  read.one("--cache-storage-s3-bucket", at.bucket,
           address_with([](Options& a) -> auto& { return a.bucket; }));
  read.one("--cache-storage-s3-endpoint", at.endpoint,
           address_with([](Options& a) -> auto& { return a.endpoint; }));
  read.one("--cache-storage-s3-region", at.region,
           address_with([](Options& a) -> auto& { return a.region; }));
  read.one("--cache-storage-s3-key-prefix", at.key_prefix,
           address_with([](Options& a) -> auto& { return a.key_prefix; }));
  bool force = false;
  read.one("--cache-storage-s3-force-path-style", force, parse_bool);
  if (force) at.force_path_style = s3::ForcePathStyle::yes;
  read.one("--cache-storage-s3-access-key-id", o.access_key, as_it_is);
  read.one("--cache-storage-s3-secret-access-key", o.secret_key, as_it_is);
  if (read.has("--cache-storage-s3-bucket") && o.access_key.empty() != o.secret_key.empty())
    read.mistake(
        "--cache-storage-s3-access-key-id and --cache-storage-s3-secret-access-key belong "
        "together: give both, or none");
  read.one("--cache-storage-s3-max-transfers", o.max_transfers, parse_transfers);
  read.one("--cache-storage-s3-storage-class", o.storage_class, parse_storage_class);
  read.one("--cache-storage-s3-ca-file", o.ca_file, parse_ca_file);
  bool redirect = false;
  read.one("--cache-storage-s3-redirect", redirect, parse_bool);
  if (redirect) o.outside_urls = s3::OutsideUrls::yes;
  return o;
}

}  // namespace ncps::config
