#include "app/key.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <thread>

#include "access/access.h"
#include "access/token.h"
#include "app/keeping.h"
#include "app/open_store.h"
#include "app/output.h"
#include "app/owner.h"
#include "app/signing_keys.h"
#include "base/posix_error.h"
#include "base/unique_fd.h"
#include "cache/signing_key.h"
#include "config/client_config.h"
#include "config/text_file.h"
#include "crypto/random.h"
#include "rt/block_on.h"

namespace ncps::app {
namespace {

constexpr int kFailed = 1, kBadOptions = 2;
constexpr std::size_t kTokenBytes = 32;

int say(const Error& error) {
  std::fprintf(stderr, "ncps: %s\n", error.what().c_str());
  return error.kind() == ErrorKind::invalid ? kBadOptions : kFailed;
}

// Nobody's but the owner's from the first moment, and never over another one.
Result<void> write_secret(const std::string& file, const std::string& secret) {
  UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400));
  if (!fd) return std::unexpected(posix_error("creating", file, errno));
  auto text = secret + "\n";
  if (::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(fd.get()) == 0)
    return {};
  auto error = posix_write_error("writing", file, errno);
  ::unlink(file.c_str());
  return std::unexpected(std::move(error));
}

int with_store(storage::Access access, const config::Loaded& loaded,
               const std::function<Result<void>(Runtime&, storage::BlobStore&)>& work) {
  if (!usable(loaded)) return kBadOptions;
  if (access == storage::Access::write)
    if (auto owned = check_owner(loaded.options); !owned) return say(owned.error());
  Runtime runtime(1);
  Pool disk(1), cpu(1);
  auto store = open_store(loaded.options, access, runtime, disk, cpu);
  if (!store) return say(store.error());
  auto done = work(runtime, **store);
  return done ? 0 : say(done.error());
}

// The storage's keys do not sign where the options name others.
Result<void> only_the_storages(const config::ServeOptions& options) {
  if (options.secret_keys.empty()) return {};
  return fail(ErrorKind::invalid,
              "--cache-secret-key-path names the keys that sign: add or remove one there, this is "
              "for the key in the storage");
}

Result<void> print_public(const nix::PublicKey& key) {
  return write_out(key.str() + "\n");
}

Result<nix::SecretKey> read_key(const std::string& file) {
  TRY(auto text, config::read_text_file(file));
  auto key = nix::SecretKey::parse(text);
  if (!key) return std::unexpected(std::move(key).error().while_doing("reading " + file));
  return key;
}

}  // namespace

int generate_key(const std::string& name, const std::string& file) {
  auto key = nix::SecretKey::generate(name);
  if (!key) return say(key.error());
  auto written = file.empty() ? write_out(key->str() + "\n") : write_secret(file, key->str());
  if (!written) return say(written.error());
  std::fprintf(stderr, "public key: %s\n", key->public_key().str().c_str());
  return 0;
}

int show_public_keys(const std::string& file, const config::Loaded& loaded) {
  if (!file.empty()) {
    auto key = read_key(file);
    if (!key) return say(key.error());
    auto printed = print_public(key->public_key());
    return printed ? 0 : say(printed.error());
  }
  auto work = [&](Runtime& runtime, storage::BlobStore& store) -> Result<void> {
    TRY(auto keys, find_signing_keys(loaded.options, runtime, store));
    for (const auto& key : keys) {
      TRY(print_public(key.public_key()));
    }
    return {};
  };
  return with_store(storage::Access::read, loaded, work);
}

int show_client_config(const std::string& given, const config::Loaded& loaded) {
  const auto& options = loaded.options;
  auto url = config::client_url(given, options);
  if (!url) return say(url.error());
  auto work = [&](Runtime& runtime, storage::BlobStore& store) -> Result<void> {
    TRY(auto keys, find_signing_keys(options, runtime, store));
    access::Rights given;
    for (const auto& token : options.tokens) given = given | token.rights;
    config::ClientConfig config{.url = *url};
    config.asks_for_tokens = !access::guardians(access::Right::read, given).empty();
    for (const auto& key : keys) config.keys.push_back(key.public_key().str());
    return write_out(print(config));
  };
  return with_store(storage::Access::read, loaded, work);
}

int rotate_key(const config::Loaded& loaded) {
  auto work = [&](Runtime& runtime, storage::BlobStore& store) -> Result<void> {
    TRY(only_the_storages(loaded.options));
    TRY(auto fresh, block_on(runtime, cache::rotate_signing_key(store, loaded.options.hostname)));
    TRY(print_public(fresh.public_key()));
    std::fputs(
        "the new key signs beside the old one once every instance has got SIGHUP or a restart; "
        "give "
        "it to all clients, then `ncps key retire`\n",
        stderr);
    return {};
  };
  return with_store(storage::Access::write, loaded, work);
}

int retire_key(const config::Loaded& loaded) {
  auto work = [&](Runtime& runtime, storage::BlobStore& store) -> Result<void> {
    TRY(only_the_storages(loaded.options));
    TRY(auto retired, block_on(runtime, cache::retire_signing_key(store)));
    if (!retired) {
      std::fputs("there is no key to retire\n", stderr);
      return {};
    }
    TRY(print_public(*retired));
    std::fputs("it signs no more once every instance has got SIGHUP or a restart\n", stderr);
    return {};
  };
  return with_store(storage::Access::write, loaded, work);
}

int generate_token(const std::string& name, const std::string& rights) {
  auto bytes = crypto::random_bytes(kTokenBytes);
  if (!bytes) return say(bytes.error());
  auto secret = crypto::to_hex(*bytes);
  auto line = name + " " + rights + " sha256:" + crypto::to_hex(crypto::sha256(secret));
  auto token = access::parse_token_file(line);
  if (!token) return say(token.error());
  if (auto printed = write_out(secret + "\n"); !printed) return say(printed.error());
  std::fprintf(stderr, "for a file of --cache-token-file:\n%s\n",
               access::token_line(token->front()).c_str());
  return 0;
}

}  // namespace ncps::app
