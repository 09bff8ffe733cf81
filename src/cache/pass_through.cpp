#include "cache/pass_through.h"

#include <algorithm>
#include <utility>

#include "codec/zstd_encoder.h"

namespace ncps::cache {
namespace {

class VerifiedSource final : public ByteSource {
 public:
  VerifiedSource(upstream::FileBody body, NarVerifier verifier,
                 std::optional<codec::ZstdEncoder> encoder, Pool& cpu, Slots::Slot slot)
      : slot_(std::move(slot)),
        body_(std::move(body)),
        verifier_(std::move(verifier)),
        encoder_(std::move(encoder)),
        cpu_(cpu) {}

  Task<Piece> next() override {
    while (!ended_) {
      CO_TRY(auto piece, co_await body_.bytes->next());
      auto bytes = std::get<std::string_view>(piece);
      ended_ = bytes.empty();
      taken_ += bytes.size();
      if (body_.total && (taken_ > *body_.total || (ended_ && taken_ < *body_.total)))
        co_return fail(ErrorKind::upstream, "the body has another length than announced");
      do {
        auto work = [&] { return ended_ ? finish() : feed(bytes); };
        CO_TRY(auto taken, co_await offload(cpu_, std::move(work)));
        bytes.remove_prefix(taken);
      } while (!bytes.empty());
      // Before the end the last bytes stay; at the end all of them are right.
      auto ready = ended_ ? held_.size()
                          : held_.size() - std::min<std::size_t>(held_.size(), Spool::kHeldBack);
      if (ready == 0) continue;
      out_ = held_.substr(0, ready);
      held_.erase(0, ready);
      co_return Piece(std::string_view(out_));
    }
    co_return Piece(std::string_view());
  }

 private:
  // What we have packed unpacks to what came.
  codec::Sink sink() {
    return [this](std::string_view part) -> Result<void> {
      TRY(verifier_.feed(part));
      held_ += part;
      return {};
    };
  }
  // One turn of the pool: how many bytes it has taken.
  Result<std::size_t> feed(std::string_view bytes) {
    if (encoder_) {
      TRY(encoder_->feed(bytes, sink()));
      return bytes.size();
    }
    TRY(auto taken, verifier_.feed_some(bytes));
    held_ += bytes.substr(0, taken);
    return taken;
  }
  Result<std::size_t> finish() {
    if (encoder_) TRY(encoder_->finish(sink()));
    TRY(verifier_.finish());
    return 0;
  }

  Slots::Slot slot_;
  upstream::FileBody body_;
  NarVerifier verifier_;
  std::optional<codec::ZstdEncoder> encoder_;
  Pool& cpu_;
  std::string held_, out_;
  std::uint64_t taken_ = 0;
  bool ended_ = false;
};

class PartSource final : public ByteSource {
 public:
  PartSource(std::unique_ptr<ByteSource> whole, std::uint64_t first,
             std::optional<std::uint64_t> length)
      : whole_(std::move(whole)), skip_(first), left_(length) {}

  Task<Piece> next() override {
    for (;;) {
      CO_TRY(auto piece, co_await whole_->next());
      auto bytes = std::get<std::string_view>(piece);
      if (bytes.empty() && (skip_ != 0 || left_.value_or(0) != 0))
        co_return fail(ErrorKind::upstream, "the NAR is shorter than announced");
      if (bytes.empty()) co_return Piece(std::string_view());
      auto skipped = std::min<std::uint64_t>(skip_, bytes.size());
      skip_ -= skipped;
      bytes.remove_prefix(skipped);
      if (left_) {
        // What comes behind the part is read, too: only at the end of the whole it is known to be right.
        bytes = bytes.substr(0, std::min<std::uint64_t>(*left_, bytes.size()));
        *left_ -= bytes.size();
      }
      if (!bytes.empty()) co_return Piece(bytes);
    }
  }

 private:
  std::unique_ptr<ByteSource> whole_;
  std::uint64_t skip_;
  std::optional<std::uint64_t> left_;
};

// What the upstream says of the length, against what the narinfo says, and against what no NAR is.
Result<void> check_length(const DownloadJob& job, std::optional<std::uint64_t> total) {
  auto announced = job.upstreams_size();
  if (total == 0U) return fail(ErrorKind::upstream, "the upstream's file is empty");
  if (!total || !announced || *total == *announced) return {};
  return fail(ErrorKind::upstream, "the upstream's file has " + std::to_string(*total) +
                                       " bytes, announced were " + std::to_string(*announced));
}

Task<std::unique_ptr<ByteSource>> verified(const DownloadJob& job, upstream::FileBody body,
                                           Pool& cpu, Slots::Slot slot) {
  CO_TRY(auto verifier, NarVerifier::make(job.expected));
  std::optional<codec::ZstdEncoder> encoder;
  if (job.intake == Intake::compressed) {
    CO_TRY(auto made, codec::ZstdEncoder::make(job.expected.nar_size.value_or(0)));
    encoder = std::move(made);
  }
  co_return std::make_unique<VerifiedSource>(std::move(body), std::move(verifier),
                                             std::move(encoder), cpu, std::move(slot));
}

}  // namespace

Task<PassThrough> open_pass_through(DownloadJob job, Pool& cpu, Slots& slots, Deadline deadline) {
  CO_TRY(auto slot, co_await slots.take(deadline));
  auto decode = job.intake == Intake::compressed ? fetch::Decode::yes : fetch::Decode::no;
  std::optional<Error> trouble;
  for (auto& source : job.sources) {
    auto opened = co_await source.upstream->open_file(source.url, 0, decode, deadline);
    if (!opened) {
      trouble = std::move(opened).error();
    } else if (auto& body = *opened; body) {
      if (auto fits = check_length(job, body->total); !fits) {
        trouble = std::move(fits).error();
        continue;
      }
      auto total = body->total ? body->total : job.upstreams_size();
      if (job.intake == Intake::compressed) total.reset();
      CO_TRY(auto bytes, co_await verified(job, std::move(*body), cpu, std::move(slot)));
      co_return PassThrough{
          .bytes = std::move(bytes), .total = total, .upstream = source.upstream->name()};
    }
  }
  co_return std::unexpected(trouble.value_or(Error(ErrorKind::not_found, "no upstream has it")));
}

std::unique_ptr<ByteSource> part_of(std::unique_ptr<ByteSource> whole, std::uint64_t first,
                                    std::optional<std::uint64_t> length) {
  return std::make_unique<PartSource>(std::move(whole), first, length);
}

}  // namespace ncps::cache
