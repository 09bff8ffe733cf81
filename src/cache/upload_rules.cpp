#include "cache/upload_rules.h"

#include <algorithm>
#include <array>

namespace ncps::cache {
namespace {

using namespace std::string_view_literals;

struct Mark {
  std::string_view bytes;
  nix::Compression compression;
};

constexpr std::array kMarks = {
    Mark{"\x0d\0\0\0\0\0\0\0"sv, nix::Compression::none},  // the length of "nix-archive-1"
    Mark{"\xfd"
         "7zXZ\0"sv,
         nix::Compression::xz},
    Mark{"\x28\xb5\x2f\xfd"sv, nix::Compression::zstd},
    Mark{"\x1f\x8b"sv, nix::Compression::gzip},
    Mark{"BZh"sv, nix::Compression::bzip2},
    Mark{"\x04\x22\x4d\x18"sv, nix::Compression::lz4},
    Mark{"LZIP"sv, nix::Compression::lzip},
    Mark{"\x5d\0\0"sv, nix::Compression::lzma},
};

std::string is_but(std::string_view what, std::string_view is, std::string_view said) {
  std::string text(what);
  return text.append(" is ").append(is).append(", the narinfo says ").append(said);
}

}  // namespace

std::optional<nix::Compression> sniff(std::string_view head) {
  const auto* found =
      std::ranges::find_if(kMarks, [&](const Mark& mark) { return head.starts_with(mark.bytes); });
  if (found == kMarks.end()) return std::nullopt;
  return found->compression;
}

std::optional<std::string> misnamed(const nix::NarUrl& url, const NarFacts& facts) {
  auto named = url.hash_in_name();
  if (!named || *named == facts.file_hash || *named == facts.nar_hash) return std::nullopt;
  return "its name is neither the hash of the file, " + facts.file_hash.str() +
         ", nor that of the NAR in it, " + facts.nar_hash.str();
}

std::optional<std::string> misfit(const nix::NarInfo& info, const db::NarRow& nar,
                                  nix::Compression kept_as, std::uint64_t kept_size) {
  if (info.nar_hash != nar.nar_hash)
    return is_but("NarHash of " + info.url, nar.nar_hash.str(), info.nar_hash.str());
  if (info.nar_size != nar.nar_size)
    return is_but("NarSize of " + info.url, std::to_string(nar.nar_size),
                  std::to_string(info.nar_size));
  if (info.compression != kept_as)
    return is_but("Compression of " + info.url, nix::to_string(kept_as),
                  nix::to_string(info.compression));
  if (info.file_size && *info.file_size != kept_size)
    return is_but("FileSize of " + info.url, std::to_string(kept_size),
                  std::to_string(*info.file_size));
  bool file_known = nar.file_hash && kept_as == nar.compression;
  if (info.file_hash && file_known && *info.file_hash != *nar.file_hash)
    return is_but("FileHash of " + info.url, nar.file_hash->str(), info.file_hash->str());
  return std::nullopt;
}

nix::NarInfo with_signatures_of(nix::NarInfo sent, const nix::NarInfo& kept) {
  for (const auto& signature : kept.signatures)
    if (std::ranges::find(sent.signatures, signature) == sent.signatures.end())
      sent.signatures.push_back(signature);
  return sent;
}

}  // namespace ncps::cache
