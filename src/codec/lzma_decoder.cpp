// xz, lzma (".lzma alone") and lzip, by liblzma.
//
// After the last lzip member liblzma passes over up to three bytes if they begin like another one
// ("LZI"): nothing comes out of them, and the hash of the file tells them apart.
#include <lzma.h>

#include "codec/stream_decoder.h"

namespace ncps::codec {
namespace {

// `xz -9` needs 65 MiB; nothing that a cache serves needs more than this.
constexpr std::uint64_t kMemoryLimit = 256ULL << 20;

std::unexpected<Error> refuse(lzma_ret code) {
  switch (code) {
    case LZMA_FORMAT_ERROR: return fail(ErrorKind::corrupt, "not of this format");
    case LZMA_OPTIONS_ERROR: return fail(ErrorKind::corrupt, "options that liblzma does not know");
    case LZMA_MEMLIMIT_ERROR: return fail(ErrorKind::corrupt, "needs more than 256 MiB of memory");
    case LZMA_MEM_ERROR: return fail(ErrorKind::internal, "out of memory");
    default: return fail(ErrorKind::corrupt, "damaged");
  }
}

class LzmaDecoder final : public StreamDecoder {
 public:
  LzmaDecoder() = default;
  LzmaDecoder(const LzmaDecoder&) = delete;
  LzmaDecoder& operator=(const LzmaDecoder&) = delete;
  ~LzmaDecoder() override { lzma_end(&stream_); }

  lzma_stream* stream() { return &stream_; }

  Result<Step> step(std::string_view in, std::span<char> out) override {
    if (ended_ && !in.empty()) return fail(ErrorKind::corrupt, "bytes after the end");
    return run(in, out, LZMA_RUN);
  }

  // With LZMA_CONCATENATED the end of a stream is the end of everything only when we say so.
  Result<Step> end(std::span<char> out) override {
    for (;;) {
      TRY(const Step step, run({}, out, LZMA_FINISH));
      if (step.produced > 0 || ended_ || starved_) return step;
    }
  }

 private:
  Result<Step> run(std::string_view in, std::span<char> out, lzma_action action) {
    if (ended_) return Step{.whole = true};
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_.avail_out = out.size();
    const auto code = lzma_code(&stream_, action);
    // liblzma says BUF_ERROR the second time in a row that it could do nothing: it wants input.
    starved_ = code == LZMA_BUF_ERROR;
    ended_ = code == LZMA_STREAM_END;
    if (code != LZMA_OK && !ended_ && !starved_) return refuse(code);
    return Step{.consumed = in.size() - stream_.avail_in,
                .produced = out.size() - stream_.avail_out,
                .whole = ended_};
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
  bool starved_ = false;
};

template <class Init>
OpenedDecoder open(Init init) {
  auto decoder = std::make_unique<LzmaDecoder>();
  if (init(decoder->stream()) != LZMA_OK) {
    return fail(ErrorKind::internal, "liblzma could not start");
  }
  return decoder;
}

}  // namespace

OpenedDecoder open_xz() {
  return open([](lzma_stream* stream) {
    return lzma_stream_decoder(stream, kMemoryLimit, LZMA_CONCATENATED);
  });
}

OpenedDecoder open_lzma() {
  return open([](lzma_stream* stream) { return lzma_alone_decoder(stream, kMemoryLimit); });
}

OpenedDecoder open_lzip() {
  return open([](lzma_stream* stream) {
    return lzma_lzip_decoder(stream, kMemoryLimit, LZMA_CONCATENATED);
  });
}

}  // namespace ncps::codec
