// lz4 frames, by liblz4: any number of them, skippable ones too.
#include <lz4frame.h>

#include "codec/stream_decoder.h"

namespace ncps::codec {
namespace {

class Lz4Decoder final : public StreamDecoder {
 public:
  Lz4Decoder() = default;
  Lz4Decoder(const Lz4Decoder&) = delete;
  Lz4Decoder& operator=(const Lz4Decoder&) = delete;
  ~Lz4Decoder() override { LZ4F_freeDecompressionContext(context_); }

  bool start() { return !LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)); }

  Result<Step> step(std::string_view in, std::span<char> out) override {
    std::size_t produced = out.size();
    std::size_t consumed = in.size();
    const auto left =
        LZ4F_decompress(context_, out.data(), &produced, in.data(), &consumed, nullptr);
    if (LZ4F_isError(left)) return fail(ErrorKind::corrupt, LZ4F_getErrorName(left));
    return Step{.consumed = consumed, .produced = produced, .whole = left == 0};
  }

 private:
  LZ4F_dctx* context_ = nullptr;
};

}  // namespace

OpenedDecoder open_lz4() {
  auto decoder = std::make_unique<Lz4Decoder>();
  if (!decoder->start()) return fail(ErrorKind::internal, "liblz4 could not start");
  return decoder;
}

}  // namespace ncps::codec
