#include "cache/nar_verifier.h"

#include <string>

#include "codec/decompressor.h"
#include "crypto/sha256.h"
#include "nix/nar_walker.h"

namespace ncps::cache {
namespace {

Result<void> check_hash(std::string_view what, const std::optional<nix::Hash>& wanted,
                        const nix::Hash& got) {
  if (!wanted || *wanted == got) return {};
  return fail(ErrorKind::corrupt,
              std::string(what) + " is " + got.str() + ", announced was " + wanted->str());
}

Result<void> check_size(std::string_view what, const std::optional<std::uint64_t>& wanted,
                        std::uint64_t got) {
  if (!wanted || *wanted == got) return {};
  return fail(ErrorKind::corrupt, std::string(what) + " is " + std::to_string(got) +
                                      ", announced was " + std::to_string(*wanted));
}

}  // namespace

struct NarVerifier::State {
  NarExpectation expected;
  std::unique_ptr<codec::Decompressor> decompressor;
  crypto::Sha256 file_sha, nar_sha;
  std::uint64_t file_bytes = 0, nar_bytes = 0;
  std::uint64_t most = kMostUnknownNarBytes;  // where NarSize is not known
  nix::NarWalker walker;

  bool file_is_the_nar() const { return expected.compression == nix::Compression::none; }

  Result<void> nar_part(std::string_view bytes) {
    nar_bytes += bytes.size();
    if (expected.nar_size && nar_bytes > *expected.nar_size) {
      return fail(ErrorKind::corrupt,
                  "the NAR is larger than its NarSize " + std::to_string(*expected.nar_size));
    }
    if (!expected.nar_size && nar_bytes > most)
      return fail(ErrorKind::corrupt, "the NAR is larger than " + std::to_string(most) + " bytes");
    nar_sha.update(bytes);
    return walker.feed(bytes);
  }
};

NarVerifier::NarVerifier(std::unique_ptr<State> state) : state_(std::move(state)) {}
NarVerifier::~NarVerifier() = default;
NarVerifier::NarVerifier(NarVerifier&&) noexcept = default;
NarVerifier& NarVerifier::operator=(NarVerifier&&) noexcept = default;

Result<NarVerifier> NarVerifier::make(const NarExpectation& expected) {
  if (!expected.file_hash && !expected.nar_hash && !expected.either_hash) {
    return fail(ErrorKind::invalid, "a NAR without any known hash cannot be verified");
  }
  auto state = std::make_unique<State>();
  state->expected = expected;
  TRY(state->decompressor, codec::make_decompressor(expected.compression));
  return NarVerifier(std::move(state));
}

Result<NarVerifier> NarVerifier::for_unknown(nix::Compression compression, std::uint64_t most) {
  auto state = std::make_unique<State>();
  state->most = most;
  state->expected.compression = compression;
  TRY(state->decompressor, codec::make_decompressor(compression));
  return NarVerifier(std::move(state));
}

Result<void> NarVerifier::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    TRY(auto taken, feed_some(bytes));
    bytes.remove_prefix(taken);
  }
  return {};
}

Result<std::size_t> NarVerifier::feed_some(std::string_view bytes) {
  auto& s = *state_;
  auto file_bytes = s.file_bytes + bytes.size();
  if (s.expected.file_size && file_bytes > *s.expected.file_size) {
    return fail(ErrorKind::corrupt,
                "the file is larger than its FileSize " + std::to_string(*s.expected.file_size));
  }
  if (file_bytes > most_file_bytes(s.expected.nar_size.value_or(s.most)))
    return fail(ErrorKind::corrupt, "the file is far larger than the NAR in it can be");
  auto nar_part = [&s](std::string_view part) { return s.nar_part(part); };
  TRY(auto taken, s.decompressor->feed_some(bytes, nar_part));
  if (!s.file_is_the_nar()) s.file_sha.update(bytes.substr(0, taken));
  s.file_bytes += taken;
  return taken;
}

Result<NarFacts> NarVerifier::finish() {
  auto& s = *state_;
  TRY(s.decompressor->finish([&s](std::string_view part) { return s.nar_part(part); }));
  TRY(s.walker.finish());
  auto nar_hash = nix::Hash(s.nar_sha.finish());
  auto file_hash = s.file_is_the_nar() ? nar_hash : nix::Hash(s.file_sha.finish());
  TRY(check_size("FileSize", s.expected.file_size, s.file_bytes));
  TRY(check_hash("FileHash", s.expected.file_hash, file_hash));
  TRY(check_size("NarSize", s.expected.nar_size, s.nar_bytes));
  TRY(check_hash("NarHash", s.expected.nar_hash, nar_hash));
  if (s.expected.either_hash && *s.expected.either_hash != file_hash &&
      *s.expected.either_hash != nar_hash) {
    return fail(ErrorKind::corrupt, "neither the file nor the NAR has the hash that its name says");
  }
  return NarFacts{.file_hash = file_hash,
                  .file_size = s.file_bytes,
                  .nar_hash = nar_hash,
                  .nar_size = s.nar_bytes};
}

}  // namespace ncps::cache
