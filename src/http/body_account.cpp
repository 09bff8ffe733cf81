#include "http/body_account.h"

#include <fmt/format.h>
#include <unistd.h>

#include "rt/sure_source.h"

namespace ncps::http {

BodyAccount::BodyAccount(std::optional<std::uint64_t> length, const ByteSource& source)
    : left_(length),
      empty_(length == 0),
      sure_(dynamic_cast<const SureSource*>(&source) != nullptr) {}

std::optional<std::string> BodyAccount::take(std::uint64_t bytes) {
  if (!left_) return std::nullopt;
  if (bytes > *left_)
    return fmt::format("the body has {} bytes more than its length", bytes - *left_);
  if (bytes == 0 && *left_ > 0)
    return fmt::format("the body ended {} bytes before its length", *left_);
  *left_ -= bytes;
  return std::nullopt;
}

void drop_last(Piece& piece) noexcept {
  if (auto* text = std::get_if<std::string_view>(&piece)) {
    text->remove_suffix(1);
  } else {
    --std::get_if<FileSpan>(&piece)->length;
  }
}

std::optional<char> last_of(const Piece& piece) noexcept {
  if (const auto* text = std::get_if<std::string_view>(&piece)) return text->back();
  const auto& span = *std::get_if<FileSpan>(&piece);
  char last = 0;
  auto at = static_cast<off_t>(span.offset + span.length - 1);
  if (::pread(span.fd, &last, 1, at) != 1) return std::nullopt;
  return last;
}

}  // namespace ncps::http
