#include "nix/compression.h"

#include <array>
#include <string>

namespace ncps::nix {
namespace {

struct Row {
  Compression value;
  std::string_view name;
  std::string_view extension;
};

constexpr std::array kRows = {
    Row{Compression::none, "none", ""},       Row{Compression::br, "br", ".br"},
    Row{Compression::bzip2, "bzip2", ".bz2"}, Row{Compression::compress, "compress", ""},
    Row{Compression::grzip, "grzip", ""},     Row{Compression::gzip, "gzip", ""},
    Row{Compression::lrzip, "lrzip", ""},     Row{Compression::lz4, "lz4", ".lz4"},
    Row{Compression::lzip, "lzip", ".lzip"},  Row{Compression::lzma, "lzma", ""},
    Row{Compression::lzop, "lzop", ""},       Row{Compression::xz, "xz", ".xz"},
    Row{Compression::zstd, "zstd", ".zst"},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].value) != i) return false;
  }
  return true;
}
static_assert(in_order(), "a Compression is the number of its row");

const Row& row(Compression compression) {
  return kRows[static_cast<std::size_t>(compression)];
}

}  // namespace

Result<Compression> parse_compression(std::string_view name) {
  if (name.empty()) return Compression::bzip2;
  for (const auto& row : kRows) {
    if (row.name == name) return row.value;
  }
  return fail(ErrorKind::invalid, "unknown compression");
}

std::string_view to_string(Compression compression) noexcept {
  return row(compression).name;
}

std::string_view extension(Compression compression) noexcept {
  return row(compression).extension;
}

}  // namespace ncps::nix
