// zstd, by libzstd: any number of frames, skippable ones too.
#include <zstd.h>

#include <string>

#include "codec/stream_decoder.h"

namespace ncps::codec {
namespace {

constexpr int kMaxWindowLog = 27;  // 128 MiB: what `zstd --long` writes and Nix clients take

class ZstdDecoder final : public StreamDecoder {
 public:
  bool start() {
    return context_ && !ZSTD_isError(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax,
                                                            kMaxWindowLog));
  }

  Result<Step> step(std::string_view in, std::span<char> out) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const auto left = ZSTD_decompressStream(context_.get(), &output, &input);
    if (ZSTD_isError(left)) return fail(ErrorKind::corrupt, ZSTD_getErrorName(left));
    return Step{.consumed = input.pos, .produced = output.pos, .whole = left == 0};
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_{ZSTD_createDCtx()};
};

}  // namespace

OpenedDecoder open_zstd() {
  auto decoder = std::make_unique<ZstdDecoder>();
  if (!decoder->start()) return fail(ErrorKind::internal, "libzstd could not start");
  return decoder;
}

}  // namespace ncps::codec
