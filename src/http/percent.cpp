#include "http/percent.h"

#include <cstddef>
#include <optional>

namespace ncps::http {
namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// The byte that the escape at the front of `text` stands for.
std::optional<unsigned> escaped_byte(std::string_view text) {
  if (text.size() < 3) return std::nullopt;
  auto high = hex_digit(text[1]);
  auto low = hex_digit(text[2]);
  if (!high || !low) return std::nullopt;
  return *high * 16 + *low;
}

bool has_dot_segment(std::string_view path) {
  for (std::size_t at = 0; at <= path.size();) {
    auto end = std::min(path.find('/', at), path.size());
    auto segment = path.substr(at, end - at);
    if (segment == "." || segment == "..") return true;
    at = end + 1;
  }
  return false;
}

}  // namespace

Result<std::string> decode_path(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (std::size_t at = 0; at < path.size(); ++at) {
    unsigned byte = static_cast<unsigned char>(path[at]);
    if (byte == '%') {
      auto escaped = escaped_byte(path.substr(at));
      if (!escaped) return fail(ErrorKind::invalid, "the path has a broken %-escape");
      byte = *escaped;
      at += 2;
    }
    if (byte < 0x20 || byte == 0x7f)
      return fail(ErrorKind::invalid, "the path has a control character");
    if (byte > 0x7f) return fail(ErrorKind::invalid, "the path has a byte beyond ASCII");
    if (byte == '/' && out.ends_with('/')) continue;
    out.push_back(static_cast<char>(byte));
  }
  // Judged after decoding, so that an encoded dot or slash is no way around it.
  if (has_dot_segment(out)) return fail(ErrorKind::invalid, "the path has a dot segment");
  return out;
}

}  // namespace ncps::http
