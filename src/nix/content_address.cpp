#include "nix/content_address.h"

#include <algorithm>
#include <array>

#include "crypto/encoding.h"

namespace ncps::nix {
namespace {

std::string hex_of(const Hash& hash) {
  return "sha256:" + crypto::to_hex(hash.digest());
}

// The path of a type ("source", "text:…", "output:out"), an inner hash and a name.
std::string path_for(std::string_view type, const Hash& inner, std::string_view name) {
  std::string text(type);
  text.append(":").append(hex_of(inner)).append(":").append(kStoreDir).append(":").append(name);
  auto digest = crypto::sha256(text);
  std::array<std::uint8_t, 20> folded{};
  for (std::size_t i = 0; i < digest.size(); ++i) folded[i % folded.size()] ^= digest[i];
  return crypto::to_nix32(folded) + "-" + std::string(name);
}

std::string type_with(std::string_view type, std::vector<StorePath> references) {
  std::ranges::sort(references);
  auto repeated = std::ranges::unique(references);
  references.erase(repeated.begin(), repeated.end());
  std::string text(type);
  for (const auto& reference : references) text.append(":").append(reference.str());
  return text;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::optional<ContentClaim> content_claim(const NarInfo& info) {
  if (!info.ca) return std::nullopt;
  std::string_view text = *info.ca;
  bool is_text = take_prefix(text, "text:");
  if (!is_text && !take_prefix(text, "fixed:")) return std::nullopt;
  bool of_nar = !is_text && take_prefix(text, "r:");
  auto hash = Hash::parse(text);
  if (!hash) return std::nullopt;
  const auto& base_name = info.store_path.base_name();
  auto name = std::string_view(base_name).substr(StorePathHash::kLength + 1);
  // A path that refers to itself is hashed without these references, which are nowhere here.
  if (std::ranges::find(info.references, info.store_path) != info.references.end())
    return std::nullopt;
  if (of_nar) {
    bool fits = *hash == info.nar_hash &&
                path_for(type_with("source", info.references), *hash, name) == base_name;
    return fits ? std::optional(ContentClaim{}) : std::nullopt;
  }
  bool fits = false;
  if (is_text) {
    fits = path_for(type_with("text", info.references), *hash, name) == base_name;
  } else {
    auto inner = Hash(crypto::sha256("fixed:out:" + hex_of(*hash) + ":"));
    fits = info.references.empty() && path_for("output:out", inner, name) == base_name;
  }
  return fits ? std::optional(ContentClaim{.of_file = *hash}) : std::nullopt;
}

namespace {

// "nix-archive-1" "(" "type" "regular" "contents", each with its length and padding.
std::string head_of_one_file() {
  std::string out;
  for (std::string_view word : {"nix-archive-1", "(", "type", "regular", "contents"}) {
    std::string token(8, '\0');
    token[0] = static_cast<char>(word.size());
    token.append(word).resize((token.size() + 7) / 8 * 8);
    out += token;
  }
  return out;
}

}  // namespace

void FileInNar::feed(std::string_view bytes) {
  static const std::string kHead = head_of_one_file();
  if (other_) return;
  if (!reading_) {
    auto taken = std::min(bytes.size(), kHead.size() + 8 - head_.size());
    head_ += bytes.substr(0, taken);
    bytes.remove_prefix(taken);
    if (head_.size() < kHead.size() + 8) return;
    if (!head_.starts_with(kHead)) {
      other_ = true;
      return;
    }
    for (unsigned i = 0; i < 8; ++i)
      left_ |= std::uint64_t{static_cast<unsigned char>(head_[kHead.size() + i])} << (8 * i);
    reading_ = true;
  }
  auto contents =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
  left_ -= contents.size();
  sha_.update(contents);
}

std::optional<Hash> FileInNar::finish() {
  if (!reading_ || left_ != 0) return std::nullopt;
  return Hash(sha_.finish());
}

}  // namespace ncps::nix
