#include "app/keeping.h"

#include <cstdio>
#include <filesystem>

namespace ncps::app {

bool usable(const config::Loaded& loaded) {
  bool good = true;
  for (const auto& mistake : loaded.mistakes) {
    if (mistake.starts_with("--cache-hostname is missing") ||
        mistake.starts_with("--cache-upstream-url is missing"))
      continue;
    std::fprintf(stderr, "ncps: %s\n", mistake.c_str());
    good = false;
  }
  return good;
}

Result<void> check_root(const config::ServeOptions& options) {
  if (options.storage_s3) return {};
  std::error_code ec;
  if (std::filesystem::is_directory(options.storage_local, ec)) return {};
  return fail(ErrorKind::unavailable, "--cache-storage-local " + options.storage_local.native() +
                                          ": " + (ec ? ec.message() : "is no directory"));
}

cache::Trust keeping_trust(const config::ServeOptions& options) {
  if (options.upstream_keys.empty())
    std::fputs("ncps: warning: no --cache-upstream-public-key: nothing is verified\n", stderr);
  return {.upstream_keys = options.upstream_keys,
          .signing_keys = {},
          .sign_unverified = false,
          .upload_keys = options.upload_keys};
}

}  // namespace ncps::app
