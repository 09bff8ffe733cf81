#include "http/chunked_decoder.h"

#include <algorithm>

namespace ncps::http {
namespace {

constexpr unsigned kMaxDigits = 15;  // nothing that long exists; and nothing can overflow

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) noexcept {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

std::unexpected<Error> broken(std::string_view what) {
  return fail(ErrorKind::invalid, "a chunked body that is broken: " + std::string(what));
}

}  // namespace

Result<std::string_view> ChunkedDecoder::take(std::string_view& in) {
  while (!in.empty() && at_ != At::end) {
    if (at_ == At::data) {
      auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
      auto bytes = in.substr(0, size);
      in.remove_prefix(size);
      left_ -= size;
      if (left_ == 0) at_ = At::data_cr;
      return bytes;
    }
    TRY(take_outside(in.front()));
    in.remove_prefix(1);
  }
  return std::string_view();
}

Result<void> ChunkedDecoder::take_outside(char c) {
  switch (at_) {
    case At::size:
      if (int value = hex_value(c); value >= 0) {
        if (++digits_ > kMaxDigits) return broken("a chunk of impossible size");
        left_ = left_ * 16 + static_cast<unsigned>(value);
        return {};
      }
      if (digits_ == 0) return broken("a chunk without its size");
      if (c != ';' && c != '\r') return broken("a size that is no number");
      at_ = c == '\r' ? At::size_lf : At::extension;
      line_ = digits_;
      return {};
    case At::extension:
      if (++line_ > kMaxLine) return broken("a line too long");
      if (c == '\r') {
        at_ = At::size_lf;
      } else if (is_control(c)) {
        return broken("a control character");
      }
      return {};
    case At::size_lf:
      if (c != '\n') return broken("a line without its end");
      at_ = left_ == 0 ? At::trailer_begin : At::data;
      digits_ = 0;
      return {};
    case At::data_cr:
      if (c != '\r') return broken("a chunk longer than its size");
      at_ = At::data_lf;
      return {};
    case At::data_lf:
      if (c != '\n') return broken("a line without its end");
      at_ = At::size;
      return {};
    case At::trailer_begin:
    case At::trailer:
      if (++trailers_ > kMaxTrailers) return broken("too many trailers");
      if (c == '\r') {
        at_ = at_ == At::trailer_begin ? At::last_lf : At::trailer_lf;
      } else if (is_control(c) || (at_ == At::trailer_begin && (c == ' ' || c == '\t'))) {
        return broken("a malformed trailer");
      } else {
        at_ = At::trailer;
      }
      return {};
    case At::trailer_lf:
      if (c != '\n') return broken("a line without its end");
      at_ = At::trailer_begin;
      return {};
    case At::last_lf:
      if (c != '\n') return broken("a line without its end");
      at_ = At::end;
      return {};
    case At::data:
    case At::end: break;
  }
  return {};
}

}  // namespace ncps::http
