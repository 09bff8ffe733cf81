#include "codec/decompressor.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::codec {
namespace {

constexpr std::size_t kMost = 1 << 20;
constexpr nix::Compression kAll[] = {
    nix::Compression::none, nix::Compression::br,  nix::Compression::bzip2,
    nix::Compression::gzip, nix::Compression::lz4, nix::Compression::lzip,
    nix::Compression::lzma, nix::Compression::xz,  nix::Compression::zstd};

struct Outcome {
  bool good = false;
  bool full = false;  // the sink had enough
  std::string bytes;
};

Outcome undone(nix::Compression how, const std::vector<std::string_view>& pieces) {
  Outcome out;
  auto decompressor = make_decompressor(how);
  CHECK(decompressor);
  Sink sink = [&](std::string_view bytes) -> Result<void> {
    CHECK(!out.full);  // an Error from the sink is the end
    CHECK(how == nix::Compression::none || bytes.size() <= 64 << 10);
    out.bytes.append(bytes);
    if (out.bytes.size() <= kMost) return {};
    out.full = true;
    return fail(ErrorKind::conflict, "enough");
  };
  for (auto piece : pieces) {
    auto fed = (*decompressor)->feed(piece, sink);
    if (fed) continue;
    CHECK(out.full == (fed.error().kind() == ErrorKind::conflict));
    CHECK(out.full || fed.error().kind() == ErrorKind::corrupt);
    return out;
  }
  auto end = (*decompressor)->finish(sink);
  out.good = end.has_value();
  if (!end) CHECK(out.full || end.error().kind() == ErrorKind::corrupt);
  return out;
}

}  // namespace

FUZZ_TARGET(decompressor) {
  auto how = kAll[fuzzing::take_byte(input) % std::size(kAll)];
  auto seed = fuzzing::take_byte(input);
  auto whole = undone(how, {input}), in_pieces = undone(how, fuzzing::pieces_of(input, seed));
  CHECK(whole.good == in_pieces.good);
  if (whole.good) CHECK(whole.bytes == in_pieces.bytes);
  CHECK(whole.bytes.size() <= kMost + (64 << 10));
}

}  // namespace ncps::codec
