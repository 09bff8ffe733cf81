// bzip2, by libbz2: any number of streams.
#include <bzlib.h>

#include <algorithm>
#include <limits>

#include "codec/stream_decoder.h"

namespace ncps::codec {
namespace {

class Bzip2Decoder final : public StreamDecoder {
 public:
  Bzip2Decoder() = default;
  Bzip2Decoder(const Bzip2Decoder&) = delete;
  Bzip2Decoder& operator=(const Bzip2Decoder&) = delete;
  ~Bzip2Decoder() override { stop(); }

  bool start() {
    stream_ = {};
    open_ = BZ2_bzDecompressInit(&stream_, /*verbosity=*/0, /*small=*/0) == BZ_OK;
    return open_;
  }

  Result<Step> step(std::string_view in, std::span<char> out) override {
    if (!open_ && !start()) return fail(ErrorKind::internal, "libbz2 could not start");
    const auto most = static_cast<std::size_t>(std::numeric_limits<unsigned>::max());
    const auto given = std::min(in.size(), most);
    stream_.next_in = const_cast<char*>(in.data());  // libbz2 only reads there
    stream_.avail_in = static_cast<unsigned>(given);
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<unsigned>(out.size());
    const int code = BZ2_bzDecompress(&stream_);
    if (code == BZ_MEM_ERROR) return fail(ErrorKind::internal, "out of memory");
    if (code != BZ_OK && code != BZ_STREAM_END) return fail(ErrorKind::corrupt, "damaged");
    const Step step{.consumed = given - stream_.avail_in,
                    .produced = out.size() - stream_.avail_out,
                    .whole = code == BZ_STREAM_END};
    if (step.whole) stop();  // the next byte, if there is one, begins another stream
    return step;
  }

 private:
  void stop() {
    if (open_) BZ2_bzDecompressEnd(&stream_);
    open_ = false;
  }

  bz_stream stream_{};
  bool open_ = false;
};

}  // namespace

OpenedDecoder open_bzip2() {
  auto decoder = std::make_unique<Bzip2Decoder>();
  if (!decoder->start()) return fail(ErrorKind::internal, "libbz2 could not start");
  return decoder;
}

}  // namespace ncps::codec
