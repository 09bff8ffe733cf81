#include "cache/spool_writer.h"

#include <string>

#include "base/check.h"

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
  auto& file = spool_.blob().file();
  for (;;) {
    auto before = file.size();
    auto work = [&] { return file.append(bytes); };
    auto written = co_await offload(disk_, std::move(work));
    if (written) break;
    bytes.remove_prefix(file.size() - before);
    if (!written.error().no_space() || space_ == nullptr) co_return std::move(written);
    auto still_to_come = total_ && *total_ > taken_ ? *total_ - taken_ : 0;
    CO_TRY(bool room, co_await space_->make_room(bytes.size() + still_to_come));
    if (!room) co_return std::move(written);
  }
  spool_.grown();
  co_return Result<void>();
}

}  // namespace ncps::cache
