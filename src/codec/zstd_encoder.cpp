#include "codec/zstd_encoder.h"

#include <zstd.h>

#include <array>
#include <string>
#include <utility>

namespace ncps::codec {
namespace {

constexpr int kLevel = 3;
constexpr int kWindowLog = 21;  // what level 3 has anyway

}  // namespace

struct ZstdEncoder::State {
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context{ZSTD_createCCtx()};
  std::array<char, 131'072> buffer;  // as large as a block

  bool start(std::uint64_t size) {
    auto set = [&](ZSTD_cParameter parameter, int value) {
      return !ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), parameter, value));
    };
    return context && set(ZSTD_c_compressionLevel, kLevel) && set(ZSTD_c_windowLog, kWindowLog) &&
           set(ZSTD_c_checksumFlag, 1) &&
           !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context.get(), size));
  }

  // Until all is taken; at the end, until all has come out.
  Result<void> drive(std::string_view bytes, ZSTD_EndDirective directive, const Sink& sink) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      const auto left = ZSTD_compressStream2(context.get(), &out, &in, directive);
      if (ZSTD_isError(left)) {
        return fail(ErrorKind::internal, std::string("zstd: ") + ZSTD_getErrorName(left));
      }
      if (out.pos > 0) TRY(sink(std::string_view(buffer.data(), out.pos)));
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return {};
    }
  }
};

ZstdEncoder::ZstdEncoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
ZstdEncoder::~ZstdEncoder() = default;
ZstdEncoder::ZstdEncoder(ZstdEncoder&&) noexcept = default;
ZstdEncoder& ZstdEncoder::operator=(ZstdEncoder&&) noexcept = default;

Result<ZstdEncoder> ZstdEncoder::make(std::uint64_t size) {
  auto state = std::make_unique<State>();
  if (!state->start(size)) return fail(ErrorKind::internal, "libzstd could not start");
  return ZstdEncoder(std::move(state));
}

Result<void> ZstdEncoder::feed(std::string_view bytes, const Sink& sink) {
  return state_->drive(bytes, ZSTD_e_continue, sink);
}

Result<void> ZstdEncoder::finish(const Sink& sink) {
  return state_->drive({}, ZSTD_e_end, sink);
}

}  // namespace ncps::codec
