#include "db/utf8.h"

#include "fuzzing/fuzz_target.h"
#include "telemetry/utf8.h"

namespace ncps::db {

// Two readers of UTF-8 agree, and what is mended is right.
FUZZ_TARGET(utf8) {
  bool plain = is_plain_utf8(input);
  bool walked = true;
  for (auto rest = input; !rest.empty() && walked;) {
    auto size = telemetry::utf8_character(rest);
    walked = size > 0 && size <= 4 && size <= rest.size() && rest.front() != '\0';
    rest.remove_prefix(size);
  }
  CHECK(plain == walked);
  auto mended = telemetry::to_utf8(input);
  CHECK(mended.size() <= 3 * input.size() && telemetry::to_utf8(mended) == mended);
  if (plain) CHECK(mended == input);
  if (!input.contains('\0')) CHECK(is_plain_utf8(mended));
}

}  // namespace ncps::db
