// gzip, by zlib: any number of members.
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "codec/stream_decoder.h"

namespace ncps::codec {
namespace {

constexpr int kGzipOnly = 16;  // added to the window bits: zlib's own header is refused

class GzipDecoder final : public StreamDecoder {
 public:
  GzipDecoder() = default;
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;
  ~GzipDecoder() override { inflateEnd(&stream_); }

  bool start() { return inflateInit2(&stream_, MAX_WBITS + kGzipOnly) == Z_OK; }

  Result<Step> step(std::string_view in, std::span<char> out) override {
    if (between_members_) inflateReset(&stream_);  // cannot fail on a stream that was started
    const auto most = static_cast<std::size_t>(std::numeric_limits<uInt>::max());
    const auto given = std::min(in.size(), most);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // only read
    stream_.avail_in = static_cast<uInt>(given);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code == Z_MEM_ERROR) return fail(ErrorKind::internal, "out of memory");
    // Z_BUF_ERROR: there was nothing to do, more input may help.
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      return fail(ErrorKind::corrupt, stream_.msg != nullptr ? stream_.msg : "damaged");
    }
    between_members_ = code == Z_STREAM_END;
    return Step{.consumed = given - stream_.avail_in,
                .produced = out.size() - stream_.avail_out,
                .whole = between_members_};
  }

 private:
  z_stream stream_{};
  bool between_members_ = false;
};

}  // namespace

OpenedDecoder open_gzip() {
  auto decoder = std::make_unique<GzipDecoder>();
  if (!decoder->start()) return fail(ErrorKind::internal, "zlib could not start");
  return decoder;
}

}  // namespace ncps::codec
