#include "cache/spool_writer.h"

#include <string>

#include "base/check.h"
#include "cache/room.h"

namespace ncps::cache {
namespace {

codec::Sink collect_in(std::string& out) {
  return [&out](std::string_view part) -> Result<void> {
    out += part;
    return {};
  };
}

}  // namespace

Result<void> SpoolWriter::begin(std::unique_ptr<storage::StagedBlob> blob,
                                std::optional<std::uint64_t> total) {
  auto spools_total = total;
  total_ = total;
  if (intake_ == Intake::compressed) {
    CHECK(total);
    TRY(encoder_, codec::ZstdEncoder::make(*total));
    spools_total.reset();
  }
  spool_.begin(std::move(blob), spools_total);
  begun_ = true;
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
  if (!encoder_) co_return Result<void>();
  std::string out;
  auto work = [&] { return encoder_->finish(collect_in(out)); };
  CO_TRY(co_await offload(cpu_, std::move(work)));
  co_return co_await write(out);
}

Task<void> SpoolWriter::write(std::string_view bytes) {
  if (bytes.empty()) co_return Result<void>();
  auto still_to_come = total_ && *total_ > taken_ ? *total_ - taken_ : 0;
  auto& file = spool_.blob().file();
  CO_TRY(co_await append_in_room(file, bytes, still_to_come, disk_, space_));
  spool_.grown();
  co_return Result<void>();
}

}  // namespace ncps::cache
