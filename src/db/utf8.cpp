#include "db/utf8.h"

#include <cstdint>

namespace ncps::db {

bool is_plain_utf8(std::string_view text) {
  std::size_t more = 0;  // continuation bytes to come
  std::uint32_t point = 0,
                least = 0;  // the code point so far; the smallest that needs so many bytes
  for (unsigned char byte : text) {
    if (more > 0) {
      if ((byte & 0xC0U) != 0x80U) return false;
      point = point << 6U | (byte & 0x3FU);
      bool wrong = point < least || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000);
      if (--more == 0 && wrong) return false;
    } else if (byte == 0) {
      return false;
    } else if (byte >= 0x80) {
      more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
      if (byte < 0xC2 || byte > 0xF4) return false;
      point = byte & (0x3FU >> more);
      least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
    }
  }
  return more == 0;
}

}  // namespace ncps::db
