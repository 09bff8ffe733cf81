#include "nix/nar_url.h"

#include <algorithm>
#include <array>

namespace ncps::nix {
namespace {

constexpr std::string_view kFolder = "nar/";
constexpr std::string_view kNar = ".nar";
constexpr std::size_t kMaxStem = 128;
constexpr std::size_t kMaxQuery = 512;

struct Extension {
  std::string_view text;
  Compression suggests;
};

constexpr std::array kExtensions = {
    Extension{"", Compression::none},      Extension{".xz", Compression::xz},
    Extension{".zst", Compression::zstd},  Extension{".bz2", Compression::bzip2},
    Extension{".br", Compression::br},     Extension{".lz4", Compression::lz4},
    Extension{".lzip", Compression::lzip}, Extension{".gz", Compression::gzip},
    Extension{".lzma", Compression::lzma}, Extension{".none", Compression::none},
};

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_stem_char(char c) {
  return is_alphanumeric(c) || c == '_' || c == '-';
}

bool is_query_char(char c) {
  return is_alphanumeric(c) || std::string_view("._~=&%+-").contains(c);
}

// The part of `file_name` from ".nar" on; a stem has no dot, so the first one ends it.
std::string_view after_stem(std::string_view file_name) {
  const auto dot = file_name.find('.');
  return dot == std::string_view::npos ? std::string_view() : file_name.substr(dot);
}

const Extension* find_extension(std::string_view text) {
  auto* found = std::ranges::find(kExtensions, text, &Extension::text);
  return found == kExtensions.end() ? nullptr : found;
}

Result<void> check_file_name(std::string_view name) {
  const auto tail = after_stem(name);
  const auto stem = name.substr(0, name.size() - tail.size());
  if (stem.empty() || stem.size() > kMaxStem || !std::ranges::all_of(stem, is_stem_char)) {
    return fail(ErrorKind::invalid, "NAR URL with a name that is not ours");
  }
  if (!tail.starts_with(kNar) || find_extension(tail.substr(kNar.size())) == nullptr) {
    return fail(ErrorKind::invalid, "NAR URL with an extension that is not ours");
  }
  return {};
}

}  // namespace

Result<NarUrl> NarUrl::parse(std::string_view url) {
  if (!url.starts_with(kFolder)) return fail(ErrorKind::invalid, "NAR URL outside nar/");
  auto name = url.substr(kFolder.size());
  if (const auto mark = name.find('?'); mark != std::string_view::npos) {
    const auto query = name.substr(mark + 1);
    if (query.empty() || query.size() > kMaxQuery || !std::ranges::all_of(query, is_query_char)) {
      return fail(ErrorKind::invalid, "NAR URL with a query that is not ours");
    }
    name = name.substr(0, mark);
  }
  TRY(check_file_name(name));
  return NarUrl(std::string(url));
}

NarUrl NarUrl::for_nar_hash(const Hash& nar_hash, Compression compression) {
  std::string url(kFolder);
  url += nar_hash.nix32();
  url += kNar;
  url += extension(compression);
  return NarUrl(std::move(url));
}

NarUrl NarUrl::for_store_path(const StorePathHash& hash, const Hash& nar_hash,
                              Compression compression) {
  std::string url(kFolder);
  url.append(hash.str()).append("-").append(nar_hash.nix32()).append(kNar);
  url += extension(compression);
  return NarUrl(std::move(url));
}

std::string_view NarUrl::file_name() const noexcept {
  const auto name = std::string_view(url_).substr(kFolder.size());
  return name.substr(0, name.find('?'));
}

std::string_view NarUrl::stem() const noexcept {
  const auto name = file_name();
  return name.substr(0, name.find('.'));
}

std::string_view NarUrl::query() const noexcept {
  const auto mark = url_.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(url_).substr(mark + 1);
}

Compression NarUrl::likely_compression() const noexcept {
  const auto* found = find_extension(after_stem(file_name()).substr(kNar.size()));
  return found == nullptr ? Compression::none : found->suggests;
}

std::optional<Hash> NarUrl::hash_in_name() const {
  auto text = stem();
  if (const auto dash = text.rfind('-'); dash != std::string_view::npos) {
    text.remove_prefix(dash + 1);
  }
  auto hash = Hash::parse_bare(text);
  if (!hash) return std::nullopt;
  return *hash;
}

std::optional<StorePathHash> NarUrl::store_path_hash_in_name() const {
  auto text = stem();
  auto hash = StorePathHash::parse(text.substr(0, text.find('-')));
  if (!hash) return std::nullopt;
  return *hash;
}

}  // namespace ncps::nix
