#include "codec/testing/compress.h"

#include <brotli/encode.h>
#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>

#include "base/check.h"

namespace ncps::codec {
namespace {

std::uint8_t* bytes(std::string& text) {
  return reinterpret_cast<std::uint8_t*>(text.data());
}
const std::uint8_t* bytes(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

// Room enough for any of the formats, also if the text cannot be compressed.
std::string output_for(std::string_view plain) {
  return std::string(plain.size() + plain.size() / 8 + 4096, '\0');
}

template <class Init>
std::string by_lzma(std::string_view plain, Init init) {
  lzma_stream stream = LZMA_STREAM_INIT;
  CHECK(init(&stream) == LZMA_OK);
  auto out = output_for(plain);
  stream.next_in = bytes(plain);
  stream.avail_in = plain.size();
  stream.next_out = bytes(out);
  stream.avail_out = out.size();
  CHECK(lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END);
  out.resize(stream.total_out);
  lzma_end(&stream);
  return out;
}

std::string xz(std::string_view plain) {
  return by_lzma(plain, [](auto* s) { return lzma_easy_encoder(s, 1, LZMA_CHECK_CRC64); });
}

lzma_options_lzma lzma_options() {
  lzma_options_lzma options{};
  CHECK(!lzma_lzma_preset(&options, 1));
  options.dict_size = 1U << 20;
  return options;
}

std::string lzma(std::string_view plain) {
  auto options = lzma_options();
  return by_lzma(plain, [&](auto* s) { return lzma_alone_encoder(s, &options); });
}

void append_le(std::string& out, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

// liblzma reads lzip but does not write it: a raw LZMA stream between lzip's header and trailer.
std::string lzip(std::string_view plain) {
  auto options = lzma_options();
  const lzma_filter filters[] = {{LZMA_FILTER_LZMA1, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  std::string out = "LZIP";
  out += '\x01';                 // version
  out += static_cast<char>(20);  // log2 of the dictionary
  out += by_lzma(plain, [&](auto* s) { return lzma_raw_encoder(s, filters); });
  append_le(out, lzma_crc32(bytes(plain), plain.size(), 0), 4);
  append_le(out, plain.size(), 8);
  append_le(out, out.size() + 8, 8);
  return out;
}

std::string zstd(std::string_view plain) {
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1)));
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  const auto size =
      ZSTD_compress2(context.get(), out.data(), out.size(), plain.data(), plain.size());
  CHECK(!ZSTD_isError(size));
  out.resize(size);
  return out;
}

std::string bzip2(std::string_view plain) {
  auto out = output_for(plain);
  auto size = static_cast<unsigned>(out.size());
  CHECK(BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(plain.data()),
                                 static_cast<unsigned>(plain.size()), 1, 0, 0) == BZ_OK);
  out.resize(size);
  return out;
}

std::string gzip(std::string_view plain) {
  z_stream stream{};
  CHECK(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  auto out = output_for(plain);
  stream.next_in = const_cast<Bytef*>(bytes(plain));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = bytes(out);
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string lz4(std::string_view plain) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  std::string out(LZ4F_compressFrameBound(plain.size(), &preferences), '\0');
  const auto size =
      LZ4F_compressFrame(out.data(), out.size(), plain.data(), plain.size(), &preferences);
  CHECK(!LZ4F_isError(size));
  out.resize(size);
  return out;
}

std::string brotli(std::string_view plain) {
  auto out = output_for(plain);
  auto size = out.size();
  CHECK(BrotliEncoderCompress(5, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, plain.size(),
                              bytes(plain), &size, bytes(out)));
  out.resize(size);
  return out;
}

}  // namespace

std::string compress(nix::Compression compression, std::string_view plain) {
  switch (compression) {
    case nix::Compression::none: return std::string(plain);
    case nix::Compression::br: return brotli(plain);
    case nix::Compression::bzip2: return bzip2(plain);
    case nix::Compression::gzip: return gzip(plain);
    case nix::Compression::lz4: return lz4(plain);
    case nix::Compression::lzip: return lzip(plain);
    case nix::Compression::lzma: return lzma(plain);
    case nix::Compression::xz: return xz(plain);
    case nix::Compression::zstd: return zstd(plain);
    case nix::Compression::compress:
    case nix::Compression::grzip:
    case nix::Compression::lrzip:
    case nix::Compression::lzop: break;
  }
  CHECK(!"a compression that we can write");
  return {};
}

}  // namespace ncps::codec
