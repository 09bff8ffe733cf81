#include "codec/zstd_encoder.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::codec {

FUZZ_TARGET(zstd_encoder) {
  auto seed = fuzzing::take_byte(input);
  std::string packed, unpacked;
  Sink pack = [&](std::string_view bytes) -> Result<void> {
    CHECK(bytes.size() <= 128 << 10);
    packed.append(bytes);
    return {};
  };
  Sink unpack = [&](std::string_view bytes) -> Result<void> {
    unpacked.append(bytes);
    return {};
  };
  auto encoder = ZstdEncoder::make(input.size());
  CHECK(encoder);
  for (auto piece : fuzzing::pieces_of(input, seed)) CHECK(encoder->feed(piece, pack));
  CHECK(encoder->finish(pack));
  CHECK(packed.size() <= input.size() + input.size() / 128 + 64);
  auto decoder = make_decompressor(nix::Compression::zstd);
  CHECK(decoder && (*decoder)->feed(packed, unpack) && (*decoder)->finish(unpack));
  CHECK(unpacked == input);
}

}  // namespace ncps::codec
