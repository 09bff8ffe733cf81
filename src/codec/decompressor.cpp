#include "codec/decompressor.h"

#include <array>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "codec/stream_decoder.h"

namespace ncps::codec {
namespace {

constexpr std::size_t kPieceBytes = 65'536;

class PassThrough final : public Decompressor {
 public:
  Result<std::size_t> feed_some(std::string_view bytes, const Sink& sink) override {
    if (!bytes.empty()) TRY(sink(bytes));
    return bytes.size();
  }
  Result<void> finish(const Sink& /*sink*/) override { return {}; }
};

// Drives a StreamDecoder: cuts its output into pieces and remembers whether it may end here.
class StreamDecompressor final : public Decompressor {
 public:
  StreamDecompressor(std::unique_ptr<StreamDecoder> decoder, nix::Compression compression)
      : decoder_(std::move(decoder)), name_(nix::to_string(compression)) {}

  Result<std::size_t> feed_some(std::string_view bytes, const Sink& sink) override {
    return once_failed_always([&] { return decode(bytes, sink); });
  }

  Result<void> finish(const Sink& sink) override {
    return once_failed_always([&] { return end(sink); });
  }

 private:
  // A library in the middle of an error, or output that the sink refused, cannot be gone on from.
  template <class Work>
  std::invoke_result_t<Work> once_failed_always(Work work) {
    if (failure_) return std::unexpected(*failure_);
    auto result = work();
    if (!result) failure_ = result.error();
    return result;
  }

  Result<std::size_t> decode(std::string_view bytes, const Sink& sink) {
    int idle = 0;
    const auto given = bytes.size();
    for (std::size_t out = 0; (!bytes.empty() || more_) && out < kTurn;) {
      TRY(const Step step, deliver(decoder_->step(bytes, buffer_), sink));
      bytes.remove_prefix(step.consumed);
      whole_ = step.whole;
      more_ = step.produced == buffer_.size() && !step.whole;
      out += step.produced;
      // Once is normal between two streams; a library that stands still must not hang us.
      idle = step.consumed + step.produced > 0 ? 0 : idle + 1;
      if (idle > 2) return refuse("the stream leads nowhere");
    }
    return given - bytes.size();
  }

  Result<void> end(const Sink& sink) {
    while (more_) TRY(decode({}, sink));
    for (bool more = true; more;) {
      TRY(const Step step, deliver(decoder_->end(buffer_), sink));
      whole_ = whole_ || step.whole;
      more = step.produced > 0;
    }
    if (!whole_) return refuse("the stream ends too early");
    return {};
  }

  // The library's Errors get its name; those of the sink go up as they are.
  Result<Step> deliver(Result<Step> step, const Sink& sink) {
    if (!step) return std::unexpected(std::move(step).error().while_doing(name_));
    if (step->produced > 0) TRY(sink(std::string_view(buffer_.data(), step->produced)));
    return step;
  }

  std::unexpected<Error> refuse(std::string_view why) const {
    return fail(ErrorKind::corrupt, std::string(name_) + ": " + std::string(why));
  }

  std::unique_ptr<StreamDecoder> decoder_;
  std::string_view name_;
  bool more_ = false;   // the last step filled the buffer: the library may hold back more
  bool whole_ = false;  // no input at all is not a stream
  std::optional<Error> failure_;
  std::array<char, kPieceBytes> buffer_;
};

OpenedDecoder open(nix::Compression compression) {
  using enum nix::Compression;
  switch (compression) {
    case br: return open_brotli();
    case bzip2: return open_bzip2();
    case gzip: return open_gzip();
    case lz4: return open_lz4();
    case lzip: return open_lzip();
    case lzma: return open_lzma();
    case xz: return open_xz();
    case zstd: return open_zstd();
    case none:
    case compress:
    case grzip:
    case lrzip:
    case lzop: break;
  }
  return fail(ErrorKind::invalid,
              "no decompressor for " + std::string(nix::to_string(compression)));
}

}  // namespace

Result<std::unique_ptr<Decompressor>> make_decompressor(nix::Compression compression) {
  if (compression == nix::Compression::none) return std::make_unique<PassThrough>();
  TRY(auto decoder, open(compression));
  return std::make_unique<StreamDecompressor>(std::move(decoder), compression);
}

}  // namespace ncps::codec
