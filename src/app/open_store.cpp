#include "app/open_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <map>

#include "config/version.h"
#include "crypto/encoding.h"
#include "crypto/sha256.h"
#include "fetch/curl/curl_client.h"
#include "storage/cached/cached_blob_store.h"
#include "storage/s3/s3_blob_store.h"
#include "storage/temp_limit.h"

namespace ncps::app {
namespace {

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> all;
  for (auto** at = environ; *at != nullptr; ++at) {
    std::string_view entry(*at);
    if (auto equals = entry.find('='); equals != entry.npos)
      all.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return all;
}

// Each reader of an object has a transfer, for as long as that client takes, and twice such a
// buffer, which may exceed this by what curl reads at once.
constexpr std::size_t kS3Buffer = 256 << 10;
constexpr std::size_t kS3Waiting = 16'384;

// Of this bucket and no other, short, and fit for a file name.
std::string name_of(const s3::S3Options& options) {
  auto address = s3::Address::parse(options.address);
  return crypto::to_hex(crypto::sha256(address ? address->name() : "")).substr(0, 16);
}

Result<void> make_temp_path(const std::filesystem::path& path) {
  std::error_code ec;
  std::filesystem::create_directories(path, ec);
  if (!ec) return {};
  return fail(ErrorKind::unavailable,
              "creating --cache-temp-path " + path.native() + ": " + ec.message());
}

Result<std::unique_ptr<storage::BlobStore>> open_one(const config::ServeOptions& options,
                                                     storage::Access access, Runtime& runtime,
                                                     Pool& disk, Pool& cpu) {
  if (!options.storage_s3)
    return storage::open_local({.root = options.storage_local, .access = access}, disk);
  auto s3 = *options.storage_s3;
  s3.access = access;
  s3.environment = environment();
  s3.spool = options.temp_path / ("ncps-spool-" + std::to_string(::geteuid()));
  auto client = fetch::make_curl_client(
      {.user_agent = config::user_agent(),
       .ca_file = s3.ca_file,
       .buffer_bytes = kS3Buffer,
       .limits = {
           .per_host = s3.max_transfers, .in_total = s3.max_transfers, .waiting = kS3Waiting}});
  return s3::open_s3(std::move(s3), std::move(client), runtime, disk, cpu);
}

}  // namespace

Result<std::unique_ptr<storage::BlobStore>> open_store(const config::ServeOptions& options,
                                                       storage::Access access, Runtime& runtime,
                                                       Pool& disk, Pool& cpu) {
  if (access == storage::Access::write) TRY(make_temp_path(options.temp_path));
  TRY(auto store, open_one(options, access, runtime, disk, cpu));
  if (options.max_temp_size == 0) return store;
  using enum storage::OncePublished;
  return storage::with_temp_limit(std::move(store), options.max_temp_size,
                                  options.storage_s3 ? still_temporary : at_rest);
}

Result<std::unique_ptr<storage::BlobStore>> add_local_copies(
    const config::ServeOptions& options, std::unique_ptr<storage::BlobStore> store,
    Runtime& runtime, Pool& disk) {
  if (!options.storage_s3 || options.s3_local_cache == 0) return store;
  auto folder = fmt::format("ncps-copies-{}-{}", ::geteuid(), name_of(*options.storage_s3));
  return storage::with_local_copies(
      std::move(store),
      {.folder = options.temp_path / folder, .limit = options.s3_local_cache, .below = "store/nar"},
      runtime, disk);
}

}  // namespace ncps::app
