// brotli, by libbrotlidec: exactly one stream, windows of at most 16 MiB. The format has no
// checksum: a damaged stream may decode to other bytes, which only the hash of the NAR shows.
#include <brotli/decode.h>

#include "codec/stream_decoder.h"

namespace ncps::codec {
namespace {

class BrotliDecoder final : public StreamDecoder {
 public:
  bool started() const { return state_ != nullptr; }

  Result<Step> step(std::string_view in, std::span<char> out) override {
    if (BrotliDecoderIsFinished(state_.get())) {
      if (!in.empty()) return fail(ErrorKind::corrupt, "bytes after the end");
      return Step{.whole = true};
    }
    std::size_t left = in.size();
    std::size_t room = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    const auto result = BrotliDecoderDecompressStream(state_.get(), &left, &next_in, &room,
                                                      &next_out, /*total_out=*/nullptr);
    if (result == BROTLI_DECODER_RESULT_ERROR) {
      return fail(ErrorKind::corrupt,
                  BrotliDecoderErrorString(BrotliDecoderGetErrorCode(state_.get())));
    }
    return Step{.consumed = in.size() - left,
                .produced = out.size() - room,
                .whole = result == BROTLI_DECODER_RESULT_SUCCESS};
  }

 private:
  struct Free {
    void operator()(BrotliDecoderState* state) const { BrotliDecoderDestroyInstance(state); }
  };
  std::unique_ptr<BrotliDecoderState, Free> state_{
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)};
};

}  // namespace

OpenedDecoder open_brotli() {
  auto decoder = std::make_unique<BrotliDecoder>();
  if (!decoder->started()) return fail(ErrorKind::internal, "libbrotlidec could not start");
  return decoder;
}

}  // namespace ncps::codec
