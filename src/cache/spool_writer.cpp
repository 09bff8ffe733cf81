#include "cache/spool_writer.h"

#include <string>

#include "base/check.h"
#include "cache/feed.h"
#include "cache/room.h"

namespace ncps::cache {
namespace {

codec::Sink collect_in(std::string& out) {
  return [&out](std::string_view part) -> Result<void> {
    out += part;
    return {};
  };
}

std::unexpected<Error> other_bytes() {
  return fail(ErrorKind::unavailable,
              "was compressed anew, with other bytes than those that were sent already");
}

}  // namespace

Result<void> SpoolWriter::begin(std::unique_ptr<storage::StagedBlob> blob, Intake intake,
                                std::optional<std::uint64_t> total) {
  TRY(restart(intake, total));
  spool_.begin(std::move(blob), encoder_ ? std::nullopt : total);
  begun_ = true;
  return {};
}

Result<void> SpoolWriter::restart(Intake intake, std::optional<std::uint64_t> total) {
  total_ = total;
  taken_ = given_ = 0;
  encoder_.reset();
  if (intake == Intake::as_it_is) return {};
  CHECK(total);
  TRY(encoder_, codec::ZstdEncoder::make(*total));
  return {};
}

Task<void> SpoolWriter::append(std::string_view bytes) {
  taken_ += bytes.size();
  if (!encoder_) co_return co_await write(bytes);
  std::string out;  // no larger than the upstream's piece and a block
  auto work = [&] { return encoder_->feed(bytes, collect_in(out)); };
  CO_TRY(co_await offload(cpu_, std::move(work)));
  co_return co_await write(out);
}

Task<void> SpoolWriter::finish() {
  if (encoder_) {
    std::string out;
    auto work = [&] { return encoder_->finish(collect_in(out)); };
    CO_TRY(co_await offload(cpu_, std::move(work)));
    CO_TRY(co_await write(out));
  }
  if (given_ < spool_.blob().file().size()) co_return other_bytes();
  co_return Result<void>();
}

Task<std::size_t> SpoolWriter::compare(std::string_view bytes) {
  auto& file = spool_.blob().file();
  auto there = std::min<std::uint64_t>(file.size() - given_, bytes.size());
  if (there == 0) co_return std::size_t{0};
  std::size_t done = 0;
  auto sink = [&](std::string_view part) -> Result<void> {
    if (bytes.substr(done, part.size()) != part) return other_bytes();
    done += part.size();
    return {};
  };
  FileSpan known{.fd = file.fd(), .offset = given_, .length = there};
  CO_TRY(co_await feed_piece(known, 0, there, disk_, sink));
  co_return static_cast<std::size_t>(there);
}

Task<void> SpoolWriter::write(std::string_view bytes) {
  CO_TRY(auto known, co_await compare(bytes));
  given_ += bytes.size();
  bytes.remove_prefix(known);
  if (bytes.empty()) co_return Result<void>();
  auto still_to_come = total_ && *total_ > taken_ ? *total_ - taken_ : 0;
  auto& file = spool_.blob().file();
  CO_TRY(co_await append_in_room(file, bytes, still_to_come, disk_, space_));
  spool_.grown();
  co_return Result<void>();
}

}  // namespace ncps::cache
